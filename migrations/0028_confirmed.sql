-- What a confirmed case of overlap changes: it is found by either side, a report waits for it, and its
-- readers see what was looked at and who decided.
SET LOCAL search_path = mfm;

CREATE INDEX overlap_case_first ON overlap_case (mechanism_id, first);
CREATE INDEX overlap_case_second ON overlap_case (mechanism_id, second);

-- What was looked at had been set before it was told.
ALTER TABLE overlap_case ADD CONSTRAINT overlap_case_inputs CHECK (
  coalesce((sides -> 0 ->> 'seq')::bigint, 0) BETWEEN 0 AND told_in - 1
  AND coalesce((sides -> 1 ->> 'seq')::bigint, 0) BETWEEN 0 AND told_in - 1);

-- A cost that another report bears already is accepted once a question about it was answered: the report's
-- last state before is of after the case was decided, and it had been questioned.
CREATE FUNCTION guard_twice() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM overlap_case c JOIN report o ON o.mechanism_id = c.mechanism_id
       AND o.id = CASE WHEN c.first = NEW.id THEN c.second ELSE c.first END
     WHERE c.mechanism_id = NEW.mechanism_id AND NEW.id IN (c.first, c.second) AND c.detector = 'same-cost'
       AND c.status = 'confirmed' AND c.decided_in < NEW.seq
       AND o.status = 'accepted' AND o.direct_minor + o.support_minor > 0 AND o.seq < NEW.seq
       AND (NEW.questioned_by = '' OR NEW.prev <= c.decided_in)) THEN
    PERFORM refuse_batch('report-overlap', NEW.id);
  END IF;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION guard_twice FROM PUBLIC;
CREATE CONSTRAINT TRIGGER twice AFTER INSERT OR UPDATE ON report DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.status = 'accepted' AND NEW.submitted_by <> '' AND NEW.direct_minor + NEW.support_minor > 0)
  EXECUTE FUNCTION guard_twice();
ALTER TABLE report ENABLE ALWAYS TRIGGER twice;

-- A record's leaf, or null: what tells one state of a noun from another.
CREATE FUNCTION overlap_leaf(p_mechanism int, p_seq bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = mfm, pg_temp AS $$
  SELECT encode(r.leaf, 'hex') FROM record r WHERE r.mechanism_id = p_mechanism AND r.seq = p_seq $$;

-- As in 0021, with what was looked at for who sees a side, and who decided for who sees both.
-- p_who: scope (any, fund, own: as the table of permissions says), fund, party, on (a day).
-- p_page: id, detector, status, band (each may be left out), seq and after (the last one seen), rows.
CREATE OR REPLACE FUNCTION overlaps_seen(p_who jsonb, p_page jsonb) RETURNS TABLE (seq bigint, id text, told jsonb)
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
              || CASE WHEN (e.side ->> 'seq')::bigint > 0 THEN jsonb_build_object('record', e.side -> 'seq',
                   'leaf', overlap_leaf(c.mechanism_id, (e.side ->> 'seq')::bigint)) ELSE '{}' END
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
    || CASE WHEN NOT s.whole OR who.scope = 'own' THEN '{}' ELSE jsonb_build_object('told_in', c.told_in,
         'evidence_sha256', c.evidence, 'proposed_by', c.proposed_by, 'decided_by', c.decided_by) END
    || CASE WHEN NOT s.whole OR p_page ->> 'id' IS NULL THEN '{}' ELSE jsonb_build_object(
         'reasons', coalesce(string_to_array(overlap_text(c.mechanism_id, c.told_in, 'reasons'), E'\n'), '{}'),
         'said', array_remove(ARRAY[overlap_text(c.mechanism_id, c.proposed_in, 'reason'),
           overlap_text(c.mechanism_id, c.decided_in, 'reason')], NULL)) END
    FROM chosen c JOIN sided s ON s.id = c.id CROSS JOIN who ORDER BY c.seq, c.id $$;
REVOKE ALL ON FUNCTION overlap_leaf FROM PUBLIC;
