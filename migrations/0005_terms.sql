-- Terms: what money may be used for, how it is classified, when an agreement runs, and the conditions
-- that are attached to it.
SET LOCAL search_path = mfm;

-- Whether what is for `inner` stays inside `outer`, as core.earmarks has it: along each dimension that
-- the outer one bounds, the inner one says something, and nothing beyond; KE-30 lies in KE.
CREATE FUNCTION earmark_inside(inner_ jsonb, outer_ jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = mfm, pg_temp AS $$
  SELECT NOT EXISTS (
    SELECT FROM jsonb_each(outer_) o(dimension, bounds)
     WHERE jsonb_array_length(bounds) > 0
       AND (jsonb_array_length(coalesce(inner_ -> dimension, '[]')) = 0
         OR EXISTS (SELECT FROM jsonb_array_elements_text(inner_ -> dimension) v
                     WHERE NOT EXISTS (SELECT FROM jsonb_array_elements_text(bounds) b
                       WHERE v = b OR (dimension = 'place' AND starts_with(v, b || '-')))))) $$;

CREATE FUNCTION tranches_minor(tranches jsonb) RETURNS bigint
LANGUAGE sql IMMUTABLE SET search_path = mfm, pg_temp AS $$
  SELECT coalesce(sum((t ->> 'amount_minor')::bigint), 0)::bigint FROM jsonb_array_elements(tranches) t $$;

ALTER TABLE commitment
  ADD COLUMN earmark jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN source_kind text NOT NULL DEFAULT '' CHECK (source_kind IN ('', 'public-budget', 'bilateral',
    'multilateral', 'private-sector', 'foundation', 'civil-society', 'individuals', 'pooled-fund')),
  ADD COLUMN starts_on date, ADD COLUMN ends_on date,
  ADD COLUMN halted text NOT NULL DEFAULT '' CHECK (halted IN ('', 'suspended', 'terminated')),
  ADD COLUMN markers jsonb NOT NULL DEFAULT '[]',
  ADD CONSTRAINT commitment_dates CHECK (ends_on >= starts_on),
  ADD CONSTRAINT commitment_source CHECK (source_kind = '' OR kind = 'contribution'),
  ADD CONSTRAINT commitment_halted CHECK (status = 'reversed'
    OR halted = CASE WHEN status IN ('suspended', 'terminated') THEN status ELSE '' END),
  ADD CONSTRAINT commitment_tranches CHECK (kind = 'contribution' OR tranches_minor(tranches) = amount_minor);
ALTER TABLE allocation
  ADD COLUMN earmark jsonb NOT NULL DEFAULT '{}', ADD COLUMN markers jsonb NOT NULL DEFAULT '[]';
ALTER TABLE cost ADD COLUMN earmark jsonb NOT NULL DEFAULT '{}';

CREATE TABLE condition (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('proposed', 'open', 'met', 'waived', 'lifted', 'reversed')),
  commitment text NOT NULL, from_fund text NOT NULL, to_fund text NOT NULL,
  tranche int NOT NULL CHECK (tranche >= 0),
  type text NOT NULL CHECK (type IN ('policy', 'performance', 'fiduciary')),
  category text NOT NULL, title text NOT NULL CHECK (title <> ''), due_on date,
  added_by text NOT NULL CHECK (added_by <> ''),
  accepted_by text NOT NULL CHECK (accepted_by <> added_by),
  settled_by text NOT NULL, settled_on date,
  assessment text NOT NULL CHECK (assessment IN ('', 'permitted', 'forbidden')),
  assessed_by text NOT NULL CHECK (assessed_by <> added_by),
  contest text NOT NULL CHECK (contest IN ('', 'open', 'upheld', 'dismissed')),
  contested_by text NOT NULL, answered_by text NOT NULL CHECK (answered_by <> added_by),
  PRIMARY KEY (mechanism_id, id),
  CHECK ((assessment = '') = (assessed_by = '') AND (contest = '') = (contested_by = '')),
  CHECK ((contest IN ('upheld', 'dismissed')) = (answered_by <> '')),
  CHECK (answered_by = '' OR answered_by <> contested_by),
  CHECK (status = 'reversed' OR ((status IN ('met', 'waived')) = (settled_by <> '')
    AND (settled_by = '') = (settled_on IS NULL) AND (status = 'lifted') = (contest = 'upheld'))));
SELECT join_nouns('condition');
CREATE INDEX condition_commitment ON condition (mechanism_id, commitment);

-- Earmarked money never leaves its earmark: held here too, when the batch is whole. An earmark itself
-- never changes, so that what held once holds for good.
CREATE FUNCTION guard_earmark() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
DECLARE made jsonb := to_jsonb(NEW);
BEGIN
  IF NEW.status = 'reversed' THEN RETURN NULL; END IF;
  IF TG_OP = 'UPDATE' AND OLD.earmark <> NEW.earmark THEN
    PERFORM refuse_batch('earmark-changed', NEW.id);
  END IF;
  IF TG_TABLE_NAME = 'commitment' THEN
    IF EXISTS (SELECT FROM allocation a WHERE a.mechanism_id = NEW.mechanism_id
                 AND a.id = made ->> 'allocation' AND NOT earmark_inside(NEW.earmark, a.earmark)) THEN
      PERFORM refuse_batch('earmark-not-met', NEW.id);
    END IF;
  ELSIF EXISTS (SELECT FROM jsonb_array_elements(made -> 'shares') s
                  JOIN commitment c ON c.mechanism_id = NEW.mechanism_id AND c.id = s ->> 'contribution'
                 WHERE NOT earmark_inside(NEW.earmark, c.earmark)) THEN
    PERFORM refuse_batch('earmark-not-met', NEW.id);
  END IF;
  RETURN NULL;
END $$;

DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['commitment', 'allocation', 'cost'] LOOP
    EXECUTE format('CREATE CONSTRAINT TRIGGER guard_earmark AFTER INSERT OR UPDATE ON %I'
                   ' DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION guard_earmark()', t);
    EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER guard_earmark', t);
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION earmark_inside, tranches_minor, guard_earmark FROM PUBLIC;
