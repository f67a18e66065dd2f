-- Who sees what of a case of overlap, in one place; and the agreements by which two funds share theirs.
SET LOCAL search_path = mfm;

CREATE TABLE sharing_agreement (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('proposed', 'in-force', 'ended', 'reversed')),
  from_fund text NOT NULL, to_fund text NOT NULL CHECK (to_fund <> from_fund),
  valid_from date NOT NULL, valid_until date CHECK (valid_until >= valid_from),
  proposed_by text NOT NULL CHECK (proposed_by <> ''), agreed_by text NOT NULL, ended_by text NOT NULL,
  PRIMARY KEY (mechanism_id, id),
  CHECK (agreed_by <> proposed_by),                       -- two funds, two people
  CHECK (status = 'reversed' OR ((status = 'proposed') <= (agreed_by = '')
    AND (status = 'in-force') <= (agreed_by <> '') AND (status = 'ended') = (ended_by <> ''))));
CREATE INDEX sharing_agreement_from ON sharing_agreement (mechanism_id, from_fund);
CREATE INDEX sharing_agreement_to ON sharing_agreement (mechanism_id, to_fund);
SELECT join_nouns('sharing_agreement');

-- Whether a fund's secretariat sees a side: it is the fund's own, no fund's, or of one that shares with it.
CREATE FUNCTION overlap_shared(p_mechanism int, p_fund text, p_funds jsonb, p_on date) RETURNS boolean
LANGUAGE sql STABLE SET search_path = mfm, pg_temp AS $$
  SELECT p_funds = '[]' OR p_funds ? p_fund OR EXISTS (
    SELECT FROM sharing_agreement a WHERE a.mechanism_id = p_mechanism AND a.status = 'in-force'
       AND a.valid_from <= p_on AND (a.valid_until IS NULL OR a.valid_until >= p_on)
       AND ((a.from_fund = p_fund AND p_funds ? a.to_fund) OR (a.to_fund = p_fund AND p_funds ? a.from_fund))) $$;

-- What two funds may know of each other's sides anyhow: fund, period, place, theme, stage, contact.
CREATE FUNCTION overlap_outline(p_mechanism int, p_side jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = mfm, pg_temp AS $$
  SELECT jsonb_build_object('kind', p_side -> 'kind', 'funds', p_side -> 'funds',
      'contacts', (SELECT coalesce(jsonb_agg(DISTINCT f.steward), '[]') FROM fund f
         WHERE f.mechanism_id = p_mechanism AND f.steward <> ''
           AND f.id IN (SELECT jsonb_array_elements_text(p_side -> 'funds'))))
    || coalesce(CASE p_side ->> 'kind'
      WHEN 'application' THEN (
        SELECT jsonb_build_object('starts_on', a.starts_on, 'ends_on', a.ends_on, 'places', a.places,
            'themes', a.themes, 'stage', a.status)
          FROM application a WHERE a.mechanism_id = p_mechanism AND a.id = p_side ->> 'id')
      WHEN 'call' THEN (
        SELECT jsonb_build_object('starts_on', c.opens_on, 'ends_on', c.closes_on, 'places', c.places,
            'themes', c.themes, 'stage', c.status)
          FROM call c WHERE c.mechanism_id = p_mechanism AND c.id = p_side ->> 'id')
      WHEN 'commitment' THEN (
        SELECT jsonb_build_object('starts_on', m.starts_on, 'ends_on', m.ends_on, 'stage', m.status)
          FROM commitment m WHERE m.mechanism_id = p_mechanism AND m.id = p_side ->> 'id')
      WHEN 'party' THEN (
        SELECT jsonb_build_object('places', CASE WHEN p.country = '' THEN '[]' ELSE jsonb_build_array(p.country) END,
            'stage', p.status)
          FROM party p WHERE p.mechanism_id = p_mechanism AND p.id = p_side ->> 'id') END, '{}') $$;

-- A text beside a record, or null.
CREATE FUNCTION overlap_text(p_mechanism int, p_seq bigint, p_field text) RETURNS text
LANGUAGE sql STABLE SET search_path = mfm, pg_temp AS $$
  SELECT t.value FROM payload t WHERE t.mechanism_id = p_mechanism AND t.seq = p_seq AND t.field = p_field $$;

-- Cases as somebody may see them: a page of them, or one with its texts.
-- p_who: scope (any, fund, own: as the table of permissions says), fund, party, on (a day).
-- p_page: id, detector, status, band (each may be left out), seq and after (the last one seen), rows.
CREATE FUNCTION overlaps_seen(p_who jsonb, p_page jsonb) RETURNS TABLE (seq bigint, id text, told jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = mfm, pg_temp AS $$
  WITH who AS (
    SELECT nullif(current_setting('mfm.mechanism', true), '')::int AS mechanism, p_who ->> 'scope' AS scope,
           p_who ->> 'fund' AS fund, p_who ->> 'party' AS party, (p_who ->> 'on')::date AS day),
  page AS MATERIALIZED (
    SELECT c.*, CASE WHEN c.status = 'open' AND c.sides @? '$[*] ? (@.party != "")' AND NOT EXISTS (
               SELECT FROM jsonb_array_elements(c.sides) s WHERE s ->> 'party' <> '' AND NOT EXISTS (
                 SELECT FROM overlap_answer a WHERE a.mechanism_id = c.mechanism_id AND a.status = 'given'
                    AND a.id = c.id || '.' || (s ->> 'party') AND a.written_in > c.opened_in))
             THEN 'explained' ELSE c.status END AS standing
      FROM overlap_case c, who
     WHERE c.mechanism_id = who.mechanism AND c.status <> 'reversed'
       AND CASE who.scope
         WHEN 'any' THEN true
         WHEN 'fund' THEN EXISTS (SELECT FROM jsonb_array_elements(c.sides) s WHERE s -> 'funds' ? who.fund)
         -- To know of an intermediary's case would be to know of another's ask: no applicant does.
         WHEN 'own' THEN c.detector <> 'intermediary'
           AND EXISTS (SELECT FROM jsonb_array_elements(c.sides) s WHERE s ->> 'party' = who.party)
         ELSE false END
       AND (p_page ->> 'id' IS NULL OR c.id = p_page ->> 'id')
       AND (p_page ->> 'detector' IS NULL OR c.detector = p_page ->> 'detector')
       AND (p_page ->> 'band' IS NULL OR c.band = p_page ->> 'band')
       AND (c.seq, c.id) > ((p_page ->> 'seq')::bigint, p_page ->> 'after')),
  chosen AS MATERIALIZED (
    SELECT * FROM page p WHERE p_page ->> 'status' IS NULL OR p.standing = p_page ->> 'status'
     ORDER BY p.seq, p.id LIMIT (p_page ->> 'rows')::int),
  sided AS (
    SELECT c.id, jsonb_agg(s.seen ORDER BY s.place) AS seen, bool_and(s.whole) AS whole
      FROM chosen c, who, LATERAL (
        SELECT e.place, t.whole, CASE
            WHEN t.whole THEN overlap_outline(c.mechanism_id, e.side)
              || jsonb_build_object('id', e.side -> 'id', 'party', e.side -> 'party')
              || CASE WHEN a.id IS NULL THEN '{}' ELSE jsonb_build_object('answered_in', a.written_in) END
              || CASE WHEN a.id IS NULL OR p_page ->> 'id' IS NULL THEN '{}' ELSE jsonb_build_object(
                   'answer', overlap_text(c.mechanism_id, a.written_in, 'text')) END
            WHEN who.scope = 'fund' THEN overlap_outline(c.mechanism_id, e.side)
            ELSE jsonb_build_object('kind', e.side -> 'kind') END AS seen
          FROM jsonb_array_elements(c.sides) WITH ORDINALITY e (side, place)
          CROSS JOIN LATERAL (SELECT CASE who.scope
            WHEN 'any' THEN true
            WHEN 'fund' THEN overlap_shared(c.mechanism_id, who.fund, e.side -> 'funds', who.day)
            ELSE e.side ->> 'party' = who.party END AS whole) t
          LEFT JOIN overlap_answer a ON a.mechanism_id = c.mechanism_id AND a.status = 'given'
            AND e.side ->> 'party' <> '' AND a.id = c.id || '.' || (e.side ->> 'party')) s
     GROUP BY c.id)
  SELECT c.seq, c.id, jsonb_build_object(
      'id', c.id, 'seq', c.seq, 'status', c.standing, 'detector', c.detector, 'topics', c.topics,
      'opened_on', c.opened_on, 'answer_by', c.answer_by, 'decided_on', c.decided_on, 'sides', s.seen)
    || CASE WHEN who.scope = 'own' THEN '{}' ELSE jsonb_build_object('version', c.version, 'score', c.score,
         'band', c.band, 'suggestions', c.suggestions, 'proposed', c.proposed) END
    || CASE WHEN NOT s.whole THEN '{}' ELSE jsonb_build_object('survivor', c.survivor) END
    || CASE WHEN NOT s.whole OR p_page ->> 'id' IS NULL THEN '{}' ELSE jsonb_build_object(
         'reasons', coalesce(string_to_array(overlap_text(c.mechanism_id, c.told_in, 'reasons'), E'\n'), '{}'),
         'said', array_remove(ARRAY[overlap_text(c.mechanism_id, c.proposed_in, 'reason'),
           overlap_text(c.mechanism_id, c.decided_in, 'reason')], NULL)) END
    FROM chosen c JOIN sided s ON s.id = c.id CROSS JOIN who ORDER BY c.seq, c.id $$;

-- How many cases there are: what donors learn, and who may not see one.
CREATE FUNCTION overlap_counts() RETURNS TABLE (detector text, status text, cases bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = mfm, pg_temp AS $$
  SELECT c.detector, c.status, count(*) FROM overlap_case c
   WHERE c.mechanism_id = nullif(current_setting('mfm.mechanism', true), '')::int AND c.status <> 'reversed'
   GROUP BY 1, 2 ORDER BY 1, 2 $$;
REVOKE ALL ON FUNCTION overlap_shared, overlap_outline, overlap_text, overlaps_seen, overlap_counts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION overlaps_seen, overlap_counts TO mfm_reader, mfm_auditor;
