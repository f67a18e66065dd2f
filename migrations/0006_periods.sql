-- Exchange and periods: published rates; foreign cash and its revaluation; closed periods, opening
-- balances, and accounts that a fund adds to the chart.
SET LOCAL search_path = mfm;

CREATE TABLE rate (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('recorded', 'reversed')),
  base text NOT NULL CHECK (base ~ '^[A-Z]{3}$'), quote text NOT NULL CHECK (quote ~ '^[A-Z]{3}$'),
  rated_on date NOT NULL,
  rate text NOT NULL CHECK (CASE WHEN rate ~ '^(0|[1-9][0-9]{0,11})(\.[0-9]{1,30})?$'
    THEN rate::numeric BETWEEN 1e-15 AND 1e12 ELSE false END),
  source text NOT NULL, PRIMARY KEY (mechanism_id, id), CHECK (base <> quote));
CREATE UNIQUE INDEX rate_published ON rate (mechanism_id, base, quote, rated_on, source);
CREATE INDEX rate_day ON rate (mechanism_id, rated_on);
SELECT join_nouns('rate');

ALTER TABLE fund
  ADD COLUMN fiscal_year_start text NOT NULL DEFAULT '01-01'
    CHECK (fiscal_year_start ~ '^(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$'),
  ADD COLUMN closed_until date,
  ADD CONSTRAINT fund_closed CHECK (closed_until IS NULL OR open_from > closed_until);

-- What is closed stays closed.
CREATE FUNCTION guard_closed() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
BEGIN
  PERFORM refuse_batch('period-final', NEW.id);
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION guard_closed FROM PUBLIC;
CREATE TRIGGER closed BEFORE UPDATE ON fund FOR EACH ROW
  WHEN (OLD.closed_until IS NOT NULL
        AND (NEW.closed_until IS NULL OR NEW.closed_until < OLD.closed_until))
  EXECUTE FUNCTION guard_closed();
ALTER TABLE fund ENABLE ALWAYS TRIGGER closed;

CREATE TABLE period (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status = 'closed'), fund text NOT NULL, currency text NOT NULL,
  first_day date NOT NULL, last_day date NOT NULL CHECK (last_day >= first_day),
  year boolean NOT NULL, head_number bigint NOT NULL CHECK (head_number >= 0),
  head_hash text NOT NULL CHECK (head_hash ~ '^[0-9a-f]{64}$'),
  closings jsonb NOT NULL CHECK (year OR closings = '[]'),
  designated_minor bigint NOT NULL CHECK (designated_minor >= 0 AND (year OR designated_minor = 0)),
  unallocated_minor bigint NOT NULL CHECK (unallocated_minor >= 0),
  allocated_minor bigint NOT NULL CHECK (allocated_minor >= 0),
  encumbered_minor bigint NOT NULL CHECK (encumbered_minor >= 0),
  decision text NOT NULL
    CHECK (decision <> '' OR NOT year OR unallocated_minor + allocated_minor = 0),
  PRIMARY KEY (mechanism_id, id));
CREATE UNIQUE INDEX period_first ON period (mechanism_id, fund, first_day);
CREATE UNIQUE INDEX period_last ON period (mechanism_id, fund, last_day);
SELECT join_nouns('period');

-- Accounts that a fund adds under a line of the chart: their class says their side, and none has a
-- floor or is cash, so that side_of, has_floor and backs know them by their first digit.
CREATE TABLE chart_account (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('open', 'reversed')), fund text NOT NULL,
  code text NOT NULL CHECK (code ~ '^[1-5][0-9]{3}-[0-9]{2,3}$'),
  name text NOT NULL CHECK (name <> ''), PRIMARY KEY (mechanism_id, id),
  CHECK (id = fund || '.' || code));
SELECT join_nouns('chart_account');

CREATE FUNCTION guard_added() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM chart_account c WHERE c.mechanism_id = NEW.mechanism_id
                  AND c.id = NEW.fund || '.' || NEW.code AND c.status = 'open') THEN
    PERFORM refuse_batch('account-unknown', NEW.code);
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER added BEFORE INSERT ON account FOR EACH ROW WHEN (NEW.code LIKE '%-%')
  EXECUTE FUNCTION guard_added();
ALTER TABLE account ENABLE ALWAYS TRIGGER added;

CREATE TABLE opening_balance (                -- its id is its fund's: there is one
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('opened', 'reversed')),
  fund text NOT NULL CHECK (fund = id), currency text NOT NULL, opened_on date NOT NULL,
  lines jsonb NOT NULL CHECK (jsonb_array_length(lines) >= 2), PRIMARY KEY (mechanism_id, id));
SELECT join_nouns('opening_balance');

-- Opening balances come before all other money of the fund.
CREATE FUNCTION guard_opening() RETURNS trigger LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM account a JOIN balance b USING (mechanism_id, account_id)
              WHERE a.mechanism_id = NEW.mechanism_id AND a.fund = NEW.fund
                AND b.debit_minor <> b.credit_minor) THEN
    PERFORM refuse_batch('opening-late', NEW.fund);
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER opening BEFORE INSERT OR UPDATE ON opening_balance FOR EACH ROW
  WHEN (NEW.status = 'opened') EXECUTE FUNCTION guard_opening();
ALTER TABLE opening_balance ENABLE ALWAYS TRIGGER opening;
REVOKE ALL ON FUNCTION guard_added, guard_opening FROM PUBLIC;

-- Foreign money: the exchange position (1190) stands in for it in the fund's currency, and faces the
-- bank account in its own.
ALTER TABLE deposit ADD COLUMN kept boolean NOT NULL DEFAULT false,
  ADD CONSTRAINT deposit_kept CHECK (NOT kept OR original_currency <> currency);

CREATE TABLE conversion (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('converted', 'reversed')), fund text NOT NULL,
  currency text NOT NULL, amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  original_currency text NOT NULL CHECK (original_currency <> currency),
  original_minor bigint NOT NULL CHECK (original_minor > 0), bought boolean NOT NULL,
  carried_minor bigint NOT NULL CHECK (NOT bought OR carried_minor = amount_minor),
  shares jsonb NOT NULL, PRIMARY KEY (mechanism_id, id));
SELECT join_nouns('conversion');

CREATE TABLE foreign_payment (                -- its id is its disbursement's
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('paid', 'reversed')), fund text NOT NULL,
  currency text NOT NULL, amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  original_currency text NOT NULL CHECK (original_currency <> currency),
  original_minor bigint NOT NULL CHECK (original_minor > 0), rate text NOT NULL CHECK (rate <> ''),
  rate_source text NOT NULL, carried_minor bigint NOT NULL,
  shares jsonb NOT NULL, PRIMARY KEY (mechanism_id, id));
SELECT join_nouns('foreign_payment');

CREATE TABLE revaluation (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('revalued', 'reversed')), fund text NOT NULL,
  currency text NOT NULL, valued_on date NOT NULL,
  lines jsonb NOT NULL CHECK (lines <> '[]'), shares jsonb NOT NULL,
  PRIMARY KEY (mechanism_id, id));
SELECT join_nouns('revaluation');

-- A bank account is in one currency (books of reported history have none by name).
CREATE UNIQUE INDEX account_bank ON account (mechanism_id, fund, subject)
  WHERE code = '1100' AND subject <> '';

-- As in 0001, with 1190: in the fund's currency it is what foreign money is carried at.
CREATE OR REPLACE FUNCTION backs(code text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT code IN ('1100', '1110', '1190', '2400', '2500', '2900', '9300', '9310', '9320', '9330') $$;

-- As in 0001, but foreign money at the bank, facing its 1190, is in its own currency.
CREATE OR REPLACE FUNCTION guard_books(
  p_mechanism int, r_effective date[], r_accepted boolean[],
  g_record int[], g_debit int[], g_credit int[], g_amount bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
DECLARE fault text;
BEGIN
  WITH told AS MATERIALIZED (
    SELECT u.rec, d.fund, d.currency, d.code AS debit, c.code AS credit, u.amount, r_effective[u.rec] AS day,
           (d.code, c.code) IN (('1100', '1190'), ('1190', '1100')) AS foreign_units,
           (r_accepted[u.rec] AND d.book = c.book AND d.fund = c.fund AND d.currency = c.currency
            AND memo_group(d.code) = memo_group(c.code)) IS TRUE AS sound
      FROM unnest(g_record, g_debit, g_credit, g_amount) u(rec, debit, credit, amount)
      LEFT JOIN account d ON d.mechanism_id = p_mechanism AND d.account_id = u.debit
      LEFT JOIN account c ON c.mechanism_id = p_mechanism AND c.account_id = u.credit)
  SELECT CASE
      WHEN EXISTS (SELECT FROM told WHERE NOT sound) THEN 'posting-mixed'
      WHEN EXISTS (SELECT FROM (SELECT DISTINCT fund, currency, day, foreign_units FROM told) t
                     LEFT JOIN fund f ON f.mechanism_id = p_mechanism AND f.id = t.fund
                    WHERE f.id IS NULL OR (NOT f.reported
                      AND ((t.currency <> f.currency AND NOT t.foreign_units)
                          OR t.day < f.open_from OR t.day > coalesce(f.open_until, 'infinity'))))
        THEN 'period-closed'
      WHEN EXISTS (SELECT FROM (
             SELECT fund, sum(CASE WHEN backs(debit) THEN amount ELSE 0 END
                              - CASE WHEN backs(credit) THEN amount ELSE 0 END) AS uncovered
               FROM told GROUP BY rec, fund, currency) t
             JOIN fund f ON f.mechanism_id = p_mechanism AND f.id = t.fund
            WHERE NOT f.reported AND uncovered <> 0)
        THEN 'cash-without-authority' END INTO fault;
  IF fault IS NOT NULL THEN PERFORM refuse_batch(fault); END IF;
END $$;
