-- Boards: the rule of each fund's, its seats, motions with their votes, and what carried ones decided.
SET LOCAL search_path = mfm;

CREATE TABLE board (                          -- its id is its fund's
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL, fund text NOT NULL CHECK (fund = id), currency text NOT NULL,
  limit_minor bigint NOT NULL CHECK (limit_minor >= 0),
  quorum_seats int NOT NULL CHECK (quorum_seats > 0),
  quorum_constituencies int NOT NULL CHECK (quorum_constituencies BETWEEN 1 AND 5),
  majority_numerator int NOT NULL, majority_denominator int NOT NULL CHECK (majority_denominator > 0),
  private_decisive boolean NOT NULL,
  PRIMARY KEY (mechanism_id, id),
  CHECK (2 * majority_numerator >= majority_denominator AND majority_numerator <= majority_denominator));

CREATE TABLE seat (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('held', 'vacated', 'reversed')), fund text NOT NULL,
  constituency text NOT NULL
    CHECK (constituency IN ('un', 'donor', 'government', 'civil-society', 'private-sector')),
  party text NOT NULL, holder text NOT NULL, since date NOT NULL, until date CHECK (until >= since),
  PRIMARY KEY (mechanism_id, id));

-- One vote a seat.
CREATE FUNCTION voted_once(votes jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT count(DISTINCT v ->> 'seat') = count(*)
     AND count(*) FILTER (WHERE v ->> 'choice' NOT IN ('for', 'against', 'abstain', 'recused')) = 0
    FROM jsonb_array_elements(votes) v $$;

CREATE TABLE motion (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('open', 'carried', 'lost', 'used', 'reversed')),
  fund text NOT NULL, currency text NOT NULL, amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  shares jsonb NOT NULL, disbursement text NOT NULL, beneficiary text NOT NULL, closes_on date,
  votes jsonb NOT NULL CHECK (voted_once(votes)), used_by text NOT NULL,
  PRIMARY KEY (mechanism_id, id),
  CHECK ((status = 'used') = (used_by <> '')),
  CHECK (disbursement = '' OR used_by IN ('', disbursement)));

SELECT join_nouns('board');
SELECT join_nouns('seat');
SELECT join_nouns('motion');

-- A motion decides one thing.
ALTER TABLE allocation ADD COLUMN motion text NOT NULL DEFAULT '';
CREATE UNIQUE INDEX allocation_motion ON allocation (mechanism_id, motion)
  WHERE motion <> '' AND status <> 'reversed';
ALTER TABLE disbursement ADD COLUMN motion text NOT NULL DEFAULT '';
CREATE UNIQUE INDEX disbursement_motion ON disbursement (mechanism_id, motion)
  WHERE motion <> '' AND status <> 'reversed';

-- What is above the limit of its fund's board, or names a motion, has one of that fund that it used up.
-- Looked at when all of a batch is written, once for what is made (allocations) or newly approved.
CREATE FUNCTION guard_vote() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
DECLARE told jsonb := to_jsonb(NEW); whose text := coalesce(told ->> 'from_fund', told ->> 'fund');
BEGIN
  IF TG_TABLE_NAME = 'disbursement' THEN
    IF NEW.approved_by = '' THEN RETURN NULL; END IF;
    IF TG_OP = 'UPDATE' AND OLD.approved_by <> '' THEN RETURN NULL; END IF;
  END IF;
  IF (NEW.motion <> '' OR EXISTS (SELECT FROM board b WHERE b.mechanism_id = NEW.mechanism_id
        AND b.id = whose AND NEW.amount_minor > b.limit_minor))
     AND NOT EXISTS (SELECT FROM motion m WHERE m.mechanism_id = NEW.mechanism_id
        AND m.id = NEW.motion AND m.fund = whose AND m.used_by = NEW.id
        AND m.disbursement = CASE TG_TABLE_NAME WHEN 'disbursement' THEN NEW.id ELSE '' END
        AND m.amount_minor >= NEW.amount_minor) THEN
    PERFORM refuse_batch('vote-missing', NEW.id);
  END IF;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION voted_once, guard_vote FROM PUBLIC;

CREATE CONSTRAINT TRIGGER vote AFTER INSERT ON allocation DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION guard_vote();
CREATE CONSTRAINT TRIGGER vote AFTER INSERT OR UPDATE ON disbursement DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION guard_vote();
ALTER TABLE allocation ENABLE ALWAYS TRIGGER vote;
ALTER TABLE disbursement ENABLE ALWAYS TRIGGER vote;
