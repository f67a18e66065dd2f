-- Who sees what of a case, asked anew at each look: the funds of an organisation's side are those that it
-- deals with by now, nobody of one side is staff to the other, and what staff write down is no answer.
SET LOCAL search_path = mfm;

-- What the whole costs, with everybody's money, is no less than what is asked for.
ALTER TABLE application ADD CONSTRAINT application_total
  CHECK (total_minor = 0 OR total_minor >= amount_minor) NOT VALID;

-- The ids that mean one organisation: its own, whom it is an alias of, and that one's other aliases.
CREATE FUNCTION overlap_one(p_mechanism int, p_party text) RETURNS text[]
LANGUAGE sql STABLE SET search_path = mfm, pg_temp AS $$
  WITH stays AS (SELECT coalesce(nullif(p.merged_into, ''), p.id) AS id FROM party p
     WHERE p.mechanism_id = p_mechanism AND p.id = p_party)
  SELECT coalesce(array_agg(id), '{}') FROM (
    SELECT s.id FROM stays s
    UNION SELECT a.id FROM stays s JOIN party a
       ON a.mechanism_id = p_mechanism AND a.merged_into = s.id AND a.merged_into <> '') one $$;

-- For whom somebody stands: the own organisation, and the steward of the fund whose secretariat it is of.
CREATE FUNCTION overlap_stands_for(p_mechanism int, p_party text, p_fund text) RETURNS text[]
LANGUAGE sql STABLE SET search_path = mfm, pg_temp AS $$
  SELECT overlap_one(p_mechanism, p_party) || overlap_one(p_mechanism, coalesce((
    SELECT f.steward FROM fund f WHERE f.mechanism_id = p_mechanism AND f.id = p_fund), '')) $$;

-- The funds that an organisation has asked, and with grants those that it deals with.
CREATE FUNCTION overlap_asked(p_mechanism int, p_party text) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = mfm, pg_temp AS $$
  SELECT DISTINCT a.fund FROM application a WHERE a.mechanism_id = p_mechanism
     AND a.lead = ANY (overlap_one(p_mechanism, p_party)) AND a.submitted_by <> '' AND a.status <> 'reversed' $$;
CREATE FUNCTION overlap_dealing(p_mechanism int, p_party text) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = mfm, pg_temp AS $$
  SELECT overlap_asked(p_mechanism, p_party)
  UNION
  SELECT c.from_fund FROM commitment c WHERE c.mechanism_id = p_mechanism
     AND c.to_party = ANY (overlap_one(p_mechanism, p_party)) AND c.from_fund <> '' AND c.status <> 'reversed' $$;

-- The funds that a side concerns. An intermediary's case concerns the source that both turn to, never who
-- gives to one of the two: that may be the other. Beside a call, an organisation's side is the call's fund's.
CREATE FUNCTION overlap_funds(p_mechanism int, p_detector text, p_sides jsonb, p_place int) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = mfm, pg_temp AS $$
  SELECT CASE
    WHEN p_detector = 'intermediary' THEN (
      SELECT coalesce(jsonb_agg(f.fund ORDER BY f.fund), '[]') FROM (
        SELECT overlap_asked(p_mechanism, p_sides -> 0 ->> 'party')
        INTERSECT SELECT overlap_asked(p_mechanism, p_sides -> 1 ->> 'party')) f (fund))
    WHEN p_sides -> p_place ->> 'kind' NOT IN ('party', 'attestation') THEN p_sides -> p_place -> 'funds'
    WHEN p_sides -> (1 - p_place) ->> 'kind' = 'call' THEN p_sides -> (1 - p_place) -> 'funds'
    ELSE (SELECT coalesce(jsonb_agg(f.fund ORDER BY f.fund), '[]')
      FROM overlap_dealing(p_mechanism, p_sides -> p_place ->> 'party') f (fund)) END $$;

-- How somebody stands to a case: {scope, own, stands_for, sides: [{funds, told, whole}]}; scope is none, own,
-- fund or any; own are the ids of its organisation, stands_for these and its fund's steward's.
-- Who stands for one of the two is of that side, whatever its role: it sees its own, and of an intermediary's
-- case nothing, for to know of it would be to know of another's ask.
-- p_who: scope (any, fund, own: as the table of permissions says), fund, party, on (a day).
CREATE FUNCTION overlap_standing(p_mechanism int, p_who jsonb, p_detector text, p_sides jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = mfm, pg_temp AS $$
DECLARE
  scope text := p_who ->> 'scope';
  fund text := p_who ->> 'fund';
  one text[] := overlap_one(p_mechanism, p_who ->> 'party');
  own text[] := overlap_stands_for(p_mechanism, p_who ->> 'party', CASE scope WHEN 'own' THEN '' ELSE fund END);
  shared jsonb := '[]';
  funds jsonb;
  whole boolean;
  sides jsonb := '[]';
BEGIN
  IF p_sides -> 0 ->> 'party' = ANY (own) OR p_sides -> 1 ->> 'party' = ANY (own) THEN
    scope := CASE p_detector WHEN 'intermediary' THEN 'none' ELSE 'own' END;
  ELSIF scope = 'own' THEN
    scope := 'none';
  END IF;
  IF scope = 'fund' THEN
    SELECT jsonb_build_array(fund) || coalesce(jsonb_agg(
        CASE WHEN a.from_fund = fund THEN a.to_fund ELSE a.from_fund END), '[]') INTO shared
      FROM sharing_agreement a WHERE a.mechanism_id = p_mechanism AND a.status = 'in-force'
       AND fund IN (a.from_fund, a.to_fund) AND a.valid_from <= (p_who ->> 'on')::date
       AND (a.valid_until IS NULL OR a.valid_until >= (p_who ->> 'on')::date);
  END IF;
  FOR place IN 0..1 LOOP
    funds := overlap_funds(p_mechanism, p_detector, p_sides, place);
    -- A side that concerns several funds is another's until each of them shares.
    whole := CASE scope WHEN 'any' THEN true WHEN 'own' THEN p_sides -> place ->> 'party' = ANY (own)
      WHEN 'fund' THEN funds ? fund OR shared @> funds ELSE false END;
    sides := sides || jsonb_build_object('funds', funds, 'whole', whole, 'told',
      CASE WHEN scope = 'fund' AND whole THEN (
        SELECT coalesce(jsonb_agg(f), '[]') FROM jsonb_array_elements(funds) f WHERE shared @> f)
      ELSE funds END);
  END LOOP;
  IF scope = 'fund' AND NOT (sides -> 0 -> 'funds' ? fund OR sides -> 1 -> 'funds' ? fund) THEN
    scope := 'none';
  END IF;
  RETURN jsonb_build_object('scope', scope, 'own', one, 'stands_for', own, 'sides', sides);
END $$;

-- As in 0028, each case as its reader stands to it; a side's answer is its own, and what staff wrote down
-- for it stands beside.
-- p_who: as overlap_standing takes it.
-- p_page: id, detector, status, band (each may be left out), seq and after (the last one seen), rows.
CREATE OR REPLACE FUNCTION overlaps_seen(p_who jsonb, p_page jsonb) RETURNS TABLE (seq bigint, id text, told jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = mfm, pg_temp AS $$
  WITH chosen AS MATERIALIZED (
    -- Case by case, in the list's order: no more are looked at than the page takes.
    SELECT c.*, s.stands, s.stands ->> 'scope' AS scope, t.standing FROM (
        SELECT * FROM overlap_case o
         WHERE o.mechanism_id = nullif(current_setting('mfm.mechanism', true), '')::int AND o.status <> 'reversed'
           AND (p_page ->> 'id' IS NULL OR o.id = p_page ->> 'id')
           AND (p_page ->> 'detector' IS NULL OR o.detector = p_page ->> 'detector')
           AND (p_page ->> 'band' IS NULL OR o.band = p_page ->> 'band')
           AND (o.seq, o.id) > ((p_page ->> 'seq')::bigint, p_page ->> 'after')
         ORDER BY o.seq, o.id OFFSET 0) c
      CROSS JOIN LATERAL (SELECT CASE WHEN c.status = 'open' AND c.sides @? '$[*] ? (@.party != "")' AND NOT EXISTS (
               SELECT FROM jsonb_array_elements(c.sides) s WHERE s ->> 'party' <> '' AND NOT EXISTS (
                 SELECT FROM overlap_answer a WHERE a.mechanism_id = c.mechanism_id AND a.status = 'given'
                    AND a.id = c.id || '.' || (s ->> 'party') AND a.written_in > c.opened_in))
             THEN 'explained' ELSE c.status END AS standing) t
      CROSS JOIN LATERAL (SELECT overlap_standing(c.mechanism_id, p_who, c.detector, c.sides) AS stands) s
     WHERE (p_page ->> 'status' IS NULL OR t.standing = p_page ->> 'status') AND s.stands ->> 'scope' <> 'none'
     ORDER BY c.seq, c.id LIMIT (p_page ->> 'rows')::int),
  sided AS (
    SELECT c.id, jsonb_agg(s.seen ORDER BY s.place) AS seen, bool_and(s.whole) AS whole
      FROM chosen c, LATERAL (
        SELECT e.place, t.whole, CASE
            WHEN t.whole THEN overlap_outline(c.mechanism_id, t.side)
              || jsonb_build_object('id', t.side -> 'id', 'party', t.side -> 'party')
              || CASE WHEN (t.side ->> 'seq')::bigint > 0 THEN jsonb_build_object('record', t.side -> 'seq',
                   'leaf', overlap_leaf(c.mechanism_id, (t.side ->> 'seq')::bigint)) ELSE '{}' END
              || CASE WHEN a.id IS NULL THEN '{}' ELSE jsonb_build_object('answered_in', a.written_in) END
              || CASE WHEN n.id IS NULL THEN '{}' ELSE jsonb_build_object('noted_in', n.written_in) END
              || CASE WHEN a.id IS NULL OR p_page ->> 'id' IS NULL THEN '{}' ELSE jsonb_build_object(
                   'answer', overlap_text(c.mechanism_id, a.written_in, 'text')) END
              || CASE WHEN n.id IS NULL OR p_page ->> 'id' IS NULL THEN '{}' ELSE jsonb_build_object(
                   'noted', overlap_text(c.mechanism_id, n.written_in, 'text')) END
            WHEN c.scope = 'fund' THEN overlap_outline(c.mechanism_id, t.side)
            ELSE jsonb_build_object('kind', t.side -> 'kind') END AS seen
          FROM jsonb_array_elements(c.sides) WITH ORDINALITY e (side, place)
          CROSS JOIN LATERAL (SELECT c.stands -> 'sides' -> (e.place::int - 1) AS stand) d
          CROSS JOIN LATERAL (SELECT (d.stand ->> 'whole')::boolean AS whole,
            e.side || jsonb_build_object('funds', d.stand -> 'told') AS side) t
          LEFT JOIN overlap_answer a ON a.mechanism_id = c.mechanism_id AND a.status = 'given'
            AND e.side ->> 'party' <> '' AND a.id = c.id || '.' || (e.side ->> 'party')
          LEFT JOIN overlap_answer n ON n.mechanism_id = c.mechanism_id AND n.status = 'given'
            AND e.side ->> 'party' <> '' AND n.id = 'noted.' || c.id || '.' || (e.side ->> 'party')) s
     GROUP BY c.id)
  SELECT c.seq, c.id, jsonb_build_object(
      'id', c.id, 'seq', c.seq, 'status', c.standing, 'detector', c.detector,
      -- That two amounts agree tells the other's, nearly: that is for who sees both.
      'topics', (SELECT coalesce(jsonb_agg(t), '[]') FROM jsonb_array_elements_text(c.topics) t
        WHERE s.whole OR t NOT LIKE '%:amounts'),
      'opened_on', c.opened_on, 'answer_by', c.answer_by, 'decided_on', c.decided_on, 'sides', s.seen)
    || CASE WHEN c.scope = 'own' THEN '{}' ELSE jsonb_build_object('version', c.version, 'score', c.score,
         'band', c.band, 'suggestions', c.suggestions, 'proposed', c.proposed) END
    || CASE WHEN NOT s.whole THEN '{}' ELSE jsonb_build_object('survivor', c.survivor) END
    || CASE WHEN NOT s.whole OR c.scope = 'own' THEN '{}' ELSE jsonb_build_object('told_in', c.told_in,
         'evidence_sha256', c.evidence, 'proposed_by', c.proposed_by, 'decided_by', c.decided_by) END
    || CASE WHEN NOT s.whole OR p_page ->> 'id' IS NULL THEN '{}' ELSE jsonb_build_object(
         'reasons', coalesce(string_to_array(overlap_text(c.mechanism_id, c.told_in, 'reasons'), E'\n'), '{}'),
         'said', array_remove(ARRAY[overlap_text(c.mechanism_id, c.proposed_in, 'reason'),
           overlap_text(c.mechanism_id, c.decided_in, 'reason')], NULL)) END
    FROM chosen c JOIN sided s ON s.id = c.id ORDER BY c.seq, c.id $$;

-- How many cases there are, but those of an intermediary that concern who asks: a count of one would tell.
DROP FUNCTION overlap_counts();
CREATE FUNCTION overlap_counts(p_who jsonb) RETURNS TABLE (detector text, status text, cases bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = mfm, pg_temp AS $$
  WITH who AS (
    SELECT m.id, overlap_stands_for(m.id, p_who ->> 'party', p_who ->> 'fund') AS own
      FROM (SELECT nullif(current_setting('mfm.mechanism', true), '')::int AS id) m)
  SELECT c.detector, c.status, count(*) FROM overlap_case c, who
   WHERE c.mechanism_id = who.id AND c.status <> 'reversed' AND NOT (c.detector = 'intermediary'
     AND (c.sides -> 0 ->> 'party' = ANY (who.own) OR c.sides -> 1 ->> 'party' = ANY (who.own)))
   GROUP BY 1, 2 ORDER BY 1, 2 $$;
DROP FUNCTION overlap_shared(int, text, jsonb, date);

-- An organisation's own answer has its own key behind it, and stays. What staff write down for it stands
-- beside: it is no answer, whoever proposed an outcome does not write it, nor who stands for the other side.
ALTER TABLE overlap_answer ADD COLUMN noted boolean NOT NULL DEFAULT false,
  DROP CONSTRAINT overlap_answer_check,
  ADD CONSTRAINT overlap_answer_id CHECK (id = CASE WHEN noted THEN 'noted.' ELSE '' END || overlap || '.' || party);

-- Whom a record's actor stands for: its organisation, and the steward of the fund that its key is bound to.
CREATE FUNCTION overlap_actor(p_mechanism int, p_seq bigint, OUT verb text, OUT key text, OUT own text[],
  OUT stands_for text[])
LANGUAGE sql STABLE SET search_path = mfm, pg_temp AS $$
  SELECT r.verb, w.actor ->> 'key', overlap_one(p_mechanism, p.id), overlap_stands_for(p_mechanism, p.id, a.fund)
    FROM record r
   CROSS JOIN LATERAL (SELECT convert_from(r.content, 'UTF8')::jsonb #> '{body,actor}' AS actor) w
   CROSS JOIN LATERAL (SELECT CASE w.actor ->> 'role' WHEN 'operator' THEN '' ELSE r.actor END AS id) p
    LEFT JOIN api_key a ON a.mechanism_id = p_mechanism AND a.id = w.actor ->> 'key'
   WHERE r.mechanism_id = p_mechanism AND r.seq = p_seq $$;

CREATE FUNCTION guard_answer() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
DECLARE
  who record;
  the_case record;
BEGIN
  SELECT * INTO who FROM overlap_actor(NEW.mechanism_id, NEW.seq);
  IF who.verb IS DISTINCT FROM 'overlap.explain' THEN RETURN NULL; END IF;
  SELECT c.sides, c.proposed_by INTO the_case FROM overlap_case c
   WHERE c.mechanism_id = NEW.mechanism_id AND c.id = NEW.overlap;
  IF NEW.noted = (NEW.party = ANY (who.own)) THEN
    PERFORM refuse_batch('overlap-answer', NEW.id);
  END IF;
  IF NEW.noted AND EXISTS (SELECT FROM jsonb_array_elements(the_case.sides) s WHERE s ->> 'party' = ANY (who.stands_for)
       AND s ->> 'party' <> NEW.party) THEN
    PERFORM refuse_batch('conflict-of-interest', NEW.id);
  END IF;
  IF NEW.noted AND the_case.proposed_by = who.key THEN
    PERFORM refuse_batch('four-eyes', NEW.id);
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER answered AFTER INSERT OR UPDATE ON overlap_answer DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.status = 'given') EXECUTE FUNCTION guard_answer();
ALTER TABLE overlap_answer ENABLE ALWAYS TRIGGER answered;

-- Nobody decides who stands for one of the two, or who wrote down what one of them says.
CREATE FUNCTION guard_impartial() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
DECLARE who record;
BEGIN
  SELECT * INTO who FROM overlap_actor(NEW.mechanism_id, NEW.seq);
  IF coalesce(who.verb, '') NOT IN ('overlap.decide', 'overlap.reopen') THEN RETURN NULL; END IF;
  IF EXISTS (SELECT FROM jsonb_array_elements(NEW.sides) s WHERE s ->> 'party' = ANY (who.stands_for)) THEN
    PERFORM refuse_batch('conflict-of-interest', NEW.id);
  END IF;
  IF who.verb = 'overlap.decide' AND EXISTS (SELECT FROM overlap_answer a WHERE a.mechanism_id = NEW.mechanism_id
       AND a.overlap = NEW.id AND a.status = 'given' AND a.noted AND a.given_by = who.key
       AND a.written_in > NEW.opened_in) THEN
    PERFORM refuse_batch('four-eyes', NEW.id);
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER impartial AFTER UPDATE ON overlap_case DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION guard_impartial();
ALTER TABLE overlap_case ENABLE ALWAYS TRIGGER impartial;

REVOKE ALL ON FUNCTION overlap_one, overlap_stands_for, overlap_asked, overlap_dealing, overlap_funds,
  overlap_standing, overlap_counts, overlap_actor, guard_answer, guard_impartial FROM PUBLIC;
GRANT EXECUTE ON FUNCTION overlap_standing TO mfm_writer;
GRANT EXECUTE ON FUNCTION overlap_counts TO mfm_reader, mfm_auditor;
