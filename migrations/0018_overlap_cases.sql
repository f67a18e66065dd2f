-- Cases of overlap, the answers to them, and parties that are one: an alias names whom it is.
SET LOCAL search_path = mfm;

CREATE TABLE overlap_case (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('open', 'coordinated', 'joint-funding', 'sequel', 'affiliate',
    'not-a-duplicate', 'confirmed', 'merged', 'reversed')),
  detector text NOT NULL CHECK (detector <> ''), version text NOT NULL,
  first text NOT NULL, second text NOT NULL,
  sides jsonb NOT NULL, score int NOT NULL CHECK (score BETWEEN 0 AND 1000),
  band text NOT NULL CHECK (band IN ('strong', 'possible')), topics jsonb NOT NULL, suggestions jsonb NOT NULL,
  evidence text NOT NULL CHECK (evidence ~ '^[0-9a-f]{64}$'),
  told_in bigint NOT NULL CHECK (told_in BETWEEN 1 AND seq),
  opened_on date NOT NULL, opened_in bigint NOT NULL CHECK (opened_in BETWEEN 1 AND told_in),
  answer_by date NOT NULL CHECK (answer_by >= opened_on),
  proposed text NOT NULL, proposed_by text NOT NULL, proposed_in bigint NOT NULL CHECK (proposed_in <= seq),
  survivor text NOT NULL CHECK (survivor IN ('', first, second)),
  decided_by text NOT NULL, decided_on date, decided_in bigint NOT NULL CHECK (decided_in <= seq),
  PRIMARY KEY (mechanism_id, id),
  CHECK (jsonb_array_length(sides) = 2 AND sides -> 0 ->> 'id' = first AND sides -> 1 ->> 'id' = second),
  CHECK (sides -> 0 ->> 'kind' <> sides -> 1 ->> 'kind' OR first COLLATE "C" <= second COLLATE "C"),
  CHECK ((proposed = '') = (proposed_by = '') AND (proposed = '') = (proposed_in = 0)
    AND (proposed = 'merged') = (survivor <> '')),
  -- Two people decide, and both say the same.
  CHECK ((decided_by = '') = (decided_on IS NULL) AND (decided_by = '') = (decided_in = 0)),
  CHECK (status = 'reversed' OR (status = 'open') = (decided_by = '')),
  CHECK (status IN ('open', 'reversed') OR (status = proposed AND decided_by <> proposed_by)));
-- A pair is one case of a detector's, whatever becomes of it.
CREATE UNIQUE INDEX overlap_case_pair ON overlap_case (mechanism_id, first, second, detector)
  WHERE status <> 'reversed';
SELECT join_nouns('overlap_case');
-- Who may see what of a case is decided in overlaps_seen alone: readers have no other way to it.
REVOKE SELECT ON overlap_case FROM mfm_reader;

CREATE TABLE overlap_answer (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('given', 'reversed')),
  overlap text NOT NULL, party text NOT NULL CHECK (id = overlap || '.' || party), fund text NOT NULL,
  given_by text NOT NULL CHECK (given_by <> ''), written_in bigint NOT NULL CHECK (written_in BETWEEN 1 AND seq),
  PRIMARY KEY (mechanism_id, id));
CREATE INDEX overlap_answer_case ON overlap_answer (mechanism_id, overlap);
SELECT join_nouns('overlap_answer');

ALTER TABLE party ADD COLUMN merged_into text NOT NULL DEFAULT '' CHECK (merged_into <> id);
CREATE INDEX party_merged_into ON party (mechanism_id, merged_into) WHERE merged_into <> '';

-- One step leads from an alias to whom it is: that one is there, and is no alias itself.
CREATE FUNCTION guard_alias() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM party p WHERE p.mechanism_id = NEW.mechanism_id AND p.id = NEW.merged_into
                   AND p.merged_into = '')
     OR EXISTS (SELECT FROM party p WHERE p.mechanism_id = NEW.mechanism_id AND p.merged_into = NEW.id
                  AND p.merged_into <> '') THEN
    PERFORM refuse_batch('party-merged', NEW.id);
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER alias AFTER INSERT OR UPDATE ON party DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.merged_into <> '') EXECUTE FUNCTION guard_alias();
ALTER TABLE party ENABLE ALWAYS TRIGGER alias;

-- Nothing is decided against those who have not answered while they still may; a merge leaves its alias.
CREATE FUNCTION guard_overlap() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
BEGIN
  IF NEW.decided_on <= NEW.answer_by AND EXISTS (
       SELECT FROM jsonb_array_elements(NEW.sides) s WHERE s ->> 'party' <> '' AND NOT EXISTS (
         SELECT FROM overlap_answer a WHERE a.mechanism_id = NEW.mechanism_id AND a.status = 'given'
            AND a.id = NEW.id || '.' || (s ->> 'party') AND a.written_in > NEW.opened_in)) THEN
    PERFORM refuse_batch('overlap-unheard', NEW.id);
  END IF;
  IF NEW.status = 'merged' AND NOT EXISTS (SELECT FROM party p WHERE p.mechanism_id = NEW.mechanism_id
       AND p.id IN (NEW.first, NEW.second) AND p.merged_into = NEW.survivor) THEN
    PERFORM refuse_batch('overlap-merge', NEW.id);
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER heard AFTER INSERT OR UPDATE ON overlap_case DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.status IN ('confirmed', 'merged')) EXECUTE FUNCTION guard_overlap();
ALTER TABLE overlap_case ENABLE ALWAYS TRIGGER heard;
REVOKE ALL ON FUNCTION guard_alias, guard_overlap FROM PUBLIC;

-- As in 0012, with the words of answers.
CREATE OR REPLACE FUNCTION words_beside(p_seqs bigint[]) RETURNS TABLE (field text, value text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = mfm, pg_temp AS $$
  SELECT t.field, t.value FROM payload t JOIN record r ON r.mechanism_id = t.mechanism_id AND r.seq = t.seq
   WHERE t.mechanism_id = nullif(current_setting('mfm.mechanism', true), '')::int AND t.seq = ANY (p_seqs)
     AND r.verb IN ('call.draft', 'call.revise', 'comment.make', 'comment.answer', 'application.draft',
       'application.revise', 'application.decide', 'overlap.explain') $$;
