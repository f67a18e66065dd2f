-- Of cases that concern others, an organisation's own page asks nothing.
SET LOCAL search_path = mfm;

-- As in 0033, but of cases that concern others an organisation's own page asks nothing: how somebody stands
-- to a case costs some queries, and a register of a hundred thousand has thousands of cases.
-- p_who: as overlap_standing takes it.
-- p_page: id, detector, status, band (each may be left out), seq and after (the last one seen), rows.
CREATE OR REPLACE FUNCTION overlaps_seen(p_who jsonb, p_page jsonb) RETURNS TABLE (seq bigint, id text, told jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = mfm, pg_temp AS $$
  WITH mine AS MATERIALIZED (
    SELECT overlap_one(nullif(current_setting('mfm.mechanism', true), '')::int, p_who ->> 'party') AS ids),
  chosen AS MATERIALIZED (
    -- Case by case, in the list's order: no more are looked at than the page takes.
    SELECT c.*, s.stands, s.stands ->> 'scope' AS scope, t.standing FROM (
        SELECT o.* FROM overlap_case o, mine m
         WHERE o.mechanism_id = nullif(current_setting('mfm.mechanism', true), '')::int AND o.status <> 'reversed'
           AND (p_page ->> 'id' IS NULL OR o.id = p_page ->> 'id')
           AND (p_page ->> 'detector' IS NULL OR o.detector = p_page ->> 'detector')
           AND (p_page ->> 'band' IS NULL OR o.band = p_page ->> 'band')
           AND (p_who ->> 'scope' <> 'own' OR o.sides -> 0 ->> 'party' = ANY (m.ids)
             OR o.sides -> 1 ->> 'party' = ANY (m.ids))
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
