-- Calls for applications, comments on their drafts, and applications with their partners and budgets.
SET LOCAL search_path = mfm;

CREATE TABLE call (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL
    CHECK (status IN ('draft', 'consultation', 'published', 'closed', 'cancelled', 'reversed')),
  fund text NOT NULL, funding_window text NOT NULL, title text NOT NULL CHECK (title <> ''), currency text NOT NULL,
  places jsonb NOT NULL, themes jsonb NOT NULL, types jsonb NOT NULL, levels jsonb NOT NULL,
  small_grants boolean NOT NULL,
  opens_on date NOT NULL, closes_on date NOT NULL CHECK (closes_on >= opens_on),
  minimum_minor bigint NOT NULL CHECK (minimum_minor >= 0),
  ceiling_minor bigint NOT NULL CHECK (ceiling_minor = 0 OR ceiling_minor >= minimum_minor),
  budget_minor bigint NOT NULL CHECK (budget_minor = 0 OR budget_minor >= greatest(minimum_minor, ceiling_minor)),
  applications_maximum int NOT NULL CHECK (applications_maximum BETWEEN 0 AND 100),
  ask_to_budget_percent int NOT NULL CHECK (ask_to_budget_percent BETWEEN 0 AND 10000),
  gewe_percent int NOT NULL CHECK (gewe_percent BETWEEN 0 AND 100),
  marker_floor text NOT NULL CHECK (marker_floor IN ('', 'principal', 'significant', 'limited')),
  sections jsonb NOT NULL,
  comments_from date, comments_until date CHECK (comments_until >= comments_from),
  written_in bigint NOT NULL CHECK (written_in BETWEEN 1 AND seq),
  drafted_by text NOT NULL CHECK (drafted_by <> ''),
  published_by text NOT NULL CHECK (published_by <> drafted_by),
  PRIMARY KEY (mechanism_id, id),
  CHECK ((comments_from IS NULL) = (comments_until IS NULL)),
  CHECK (status = 'reversed' OR (status <> 'consultation' OR comments_until IS NOT NULL)
    AND (status IN ('published', 'closed', 'cancelled') OR published_by = '')
    AND (status NOT IN ('published', 'closed') OR published_by <> '')));
CREATE INDEX call_fund ON call (mechanism_id, fund);

CREATE TABLE comment (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('made', 'answered', 'reversed')),
  call text NOT NULL, fund text NOT NULL, party text NOT NULL CHECK (party <> ''), section text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('', 'changed', 'kept')),
  written_in bigint NOT NULL CHECK (written_in BETWEEN 1 AND seq),
  answered_in bigint NOT NULL CHECK (answered_in <= seq),
  PRIMARY KEY (mechanism_id, id),
  CHECK (status = 'reversed'
    OR ((status = 'answered') = (outcome <> '') AND (status = 'answered') = (answered_in > 0))));
CREATE INDEX comment_call ON comment (mechanism_id, call);

-- What the parts of a budget come to.
CREATE FUNCTION budget_minor(budget jsonb) RETURNS bigint
LANGUAGE sql IMMUTABLE SET search_path = mfm, pg_temp AS $$
  SELECT coalesce(sum((line ->> 'amount_minor')::bigint), 0)::bigint FROM jsonb_array_elements(budget) line $$;

-- Whether each partner is named once, is not the lead, and each part of the budget is held by one of them.
CREATE FUNCTION partners_sound(lead text, partners jsonb, budget jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = mfm, pg_temp AS $$
  WITH named AS (SELECT p ->> 'party' AS party, p ->> 'consent' AS consent, p ->> 'key' AS key
                   FROM jsonb_array_elements(partners) p)
  SELECT count(DISTINCT party) = count(*) AND count(*) FILTER (WHERE party = lead) = 0
     AND count(*) FILTER (WHERE consent NOT IN ('', 'given', 'declined') OR (consent = '') <> (key = '')) = 0
     AND NOT EXISTS (SELECT FROM jsonb_array_elements(budget) line
                      WHERE line ->> 'party' <> lead
                        AND line ->> 'party' NOT IN (SELECT party FROM named))
    FROM named $$;

CREATE TABLE application (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN
    ('draft', 'submitted', 'approved', 'declined', 'awarded', 'withdrawn', 'reversed')),
  call text NOT NULL, fund text NOT NULL, lead text NOT NULL CHECK (lead <> ''), partners jsonb NOT NULL,
  title text NOT NULL CHECK (title <> ''), aid text NOT NULL CHECK (aid IN ('project', 'core')),
  currency text NOT NULL, amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  total_minor bigint NOT NULL CHECK (total_minor >= 0), budget jsonb NOT NULL, co_financing jsonb NOT NULL,
  places jsonb NOT NULL, themes jsonb NOT NULL, lines jsonb NOT NULL, pillars jsonb NOT NULL,
  phase text NOT NULL CHECK (phase IN ('', 'development', 'implementation')),
  track text NOT NULL CHECK (track IN ('', 'dedicated', 'mainstreaming')),
  starts_on date, ends_on date CHECK (ends_on >= starts_on), markers jsonb NOT NULL, sections jsonb NOT NULL,
  written_in bigint NOT NULL CHECK (written_in BETWEEN 1 AND seq),
  submitted_by text NOT NULL, submitted_on date, decided_by text NOT NULL, decided_on date,
  decided_in bigint NOT NULL CHECK (decided_in <= seq), commitment text NOT NULL,
  PRIMARY KEY (mechanism_id, id),
  CHECK (partners_sound(lead, partners, budget)),
  CHECK ((submitted_by = '') = (submitted_on IS NULL) AND (decided_by = '') = (decided_on IS NULL)
    AND (decided_by = '') = (decided_in = 0)),
  -- Handed in whole: dates, a budget that is the ask, and every partner's own word.
  CHECK (submitted_by = '' OR (starts_on IS NOT NULL AND ends_on IS NOT NULL
    AND budget_minor(budget) = amount_minor
    AND NOT partners @? '$[*] ? (@.consent != "given")')),
  CHECK (decided_by = '' OR decided_by <> submitted_by),
  CHECK (status = 'reversed' OR ((status <> 'draft' OR submitted_by = '')
    AND (status IN ('draft', 'withdrawn') OR submitted_by <> '')
    AND (status IN ('approved', 'declined', 'awarded')) = (decided_by <> '')
    AND (status = 'awarded') = (commitment <> ''))));
CREATE INDEX application_call ON application (mechanism_id, call, lead);
CREATE INDEX application_lead ON application (mechanism_id, lead);

SELECT join_nouns('call');
SELECT join_nouns('comment');
SELECT join_nouns('application');

-- An application is handed in to a published call, on one of its days; looked at when it is handed in.
CREATE FUNCTION guard_submission() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
BEGIN
  IF NEW.status <> 'submitted' OR (TG_OP = 'UPDATE' AND OLD.submitted_by <> '') THEN RETURN NULL; END IF;
  IF NOT EXISTS (SELECT FROM call c WHERE c.mechanism_id = NEW.mechanism_id AND c.id = NEW.call
                   AND c.fund = NEW.fund AND c.published_by <> ''
                   AND NEW.submitted_on BETWEEN c.opens_on AND c.closes_on) THEN
    PERFORM refuse_batch('call-closed', NEW.id);
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER submission AFTER INSERT OR UPDATE ON application DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION guard_submission();
ALTER TABLE application ENABLE ALWAYS TRIGGER submission;

-- The words of calls, comments and applications, which whoever may read these may read too.
CREATE FUNCTION words_beside(p_seqs bigint[]) RETURNS TABLE (field text, value text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = mfm, pg_temp AS $$
  SELECT t.field, t.value FROM payload t JOIN record r ON r.mechanism_id = t.mechanism_id AND r.seq = t.seq
   WHERE t.mechanism_id = nullif(current_setting('mfm.mechanism', true), '')::int AND t.seq = ANY (p_seqs)
     AND r.verb IN ('call.draft', 'call.revise', 'comment.make', 'comment.answer', 'application.draft',
       'application.revise', 'application.decide') $$;
REVOKE ALL ON FUNCTION budget_minor, partners_sound, guard_submission, words_beside FROM PUBLIC;
GRANT EXECUTE ON FUNCTION words_beside TO mfm_reader, mfm_auditor;

-- A grant may be of an application; one application becomes one grant.
ALTER TABLE commitment ADD COLUMN application text NOT NULL DEFAULT '';
CREATE UNIQUE INDEX commitment_application ON commitment (mechanism_id, application)
  WHERE application <> '' AND status <> 'reversed';
-- An envelope may be for a call.
ALTER TABLE allocation ADD COLUMN call text NOT NULL DEFAULT '';
