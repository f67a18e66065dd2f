-- The journal: records with postings, the balances they leave, and the one function that writes them.
--
-- Every table carries mechanism_id first in its keys, so that the schema can be distributed by it.
-- The owner is NOLOGIN; the writer may execute append_batch and select, nothing more; the reader and
-- the auditor select under row-level security, within the mechanism named by mfm.mechanism.
-- The group roles themselves are made once per cluster (roles.sql).

CREATE SCHEMA mfm;
SET LOCAL search_path = mfm;

CREATE TABLE mechanism (
  mechanism_id int PRIMARY KEY CHECK (mechanism_id > 0),
  name text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
  origin text NOT NULL,                       -- the trail's name: every record's "log"
  created_at timestamptz NOT NULL DEFAULT clock_timestamp());

-- The one row that every write locks: order, gaplessness and the clock hang on it.
CREATE TABLE head (
  mechanism_id int PRIMARY KEY REFERENCES mechanism,
  seq bigint NOT NULL DEFAULT 0 CHECK (seq >= 0),
  accounts int NOT NULL DEFAULT 0 CHECK (accounts >= 0),
  recorded_at timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 10);

CREATE TABLE fund_head (                      -- the end of each fund's own chain
  mechanism_id int NOT NULL, fund text NOT NULL,
  fund_seq bigint NOT NULL CHECK (fund_seq > 0),
  leaf bytea NOT NULL CHECK (octet_length(leaf) = 32),
  PRIMARY KEY (mechanism_id, fund)
) WITH (fillfactor = 50);

CREATE TABLE record (
  mechanism_id int NOT NULL, seq bigint NOT NULL CHECK (seq > 0),
  recorded_at timestamptz NOT NULL,
  effective_on date NOT NULL,
  accepted boolean NOT NULL,
  reverses bigint CHECK (reverses < seq),
  verb text NOT NULL,
  actor text NOT NULL,                        -- the acting party
  key_hash bytea NOT NULL CHECK (octet_length(key_hash) = 16),  -- of (party, idempotency key)
  request bytea NOT NULL CHECK (octet_length(request) = 32),    -- SHA-256 of the command
  leaf bytea NOT NULL CHECK (octet_length(leaf) = 32),
  content bytea NOT NULL CHECK (octet_length(content) <= 16384),
  PRIMARY KEY (mechanism_id, seq));
CREATE UNIQUE INDEX record_key ON record (mechanism_id, key_hash);
CREATE UNIQUE INDEX record_reverses ON record (mechanism_id, reverses) WHERE reverses IS NOT NULL;

CREATE TABLE account (
  mechanism_id int NOT NULL, account_id int NOT NULL CHECK (account_id > 0),
  fund text NOT NULL, book text NOT NULL CHECK (book IN ('FIN', 'BUD')), code text NOT NULL,
  currency text NOT NULL, subject text NOT NULL,
  side smallint NOT NULL CHECK (side IN (1, -1)),     -- +1: a debit increases it
  floored boolean NOT NULL,                           -- its balance never falls below zero
  PRIMARY KEY (mechanism_id, account_id), CHECK ((book = 'BUD') = (code >= '9')));
CREATE UNIQUE INDEX account_name ON account (mechanism_id, fund, code, currency, subject, book);

CREATE TABLE balance (
  mechanism_id int NOT NULL, account_id int NOT NULL,
  debit_minor bigint NOT NULL DEFAULT 0 CHECK (debit_minor >= 0),
  credit_minor bigint NOT NULL DEFAULT 0 CHECK (credit_minor >= 0),
  version bigint NOT NULL DEFAULT 0,
  side smallint NOT NULL, floored boolean NOT NULL,
  PRIMARY KEY (mechanism_id, account_id),
  CONSTRAINT balance_floor CHECK (NOT floored OR side * (debit_minor - credit_minor) >= 0)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE posting (                        -- both sides in one row: unbalanced cannot be written
  mechanism_id int NOT NULL, debit_id int NOT NULL,
  seq bigint NOT NULL,
  debit_version bigint NOT NULL, credit_version bigint NOT NULL,
  debit_balance bigint NOT NULL, credit_balance bigint NOT NULL,  -- after it: debits less credits
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  credit_id int NOT NULL, effective_on date NOT NULL,
  line smallint NOT NULL,
  iati_sign smallint NOT NULL CHECK (iati_sign IN (1, -1)),
  iati_type text NOT NULL,                    -- IATI transaction type in the fund's activity, or ''
  PRIMARY KEY (mechanism_id, seq, line), CHECK (debit_id <> credit_id));
CREATE UNIQUE INDEX posting_debit ON posting (mechanism_id, debit_id, debit_version);
CREATE UNIQUE INDEX posting_credit ON posting (mechanism_id, credit_id, credit_version);

CREATE TABLE payload (                        -- free text beside its record's salted commitment
  mechanism_id int NOT NULL, seq bigint NOT NULL, field text NOT NULL,
  salt bytea NOT NULL CHECK (octet_length(salt) = 32), value text NOT NULL,
  PRIMARY KEY (mechanism_id, seq, field));

CREATE TABLE blob (                           -- larger content, which a record names by its SHA-256
  mechanism_id int NOT NULL, sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
  content bytea NOT NULL CHECK (sha256(content) = sha256),
  PRIMARY KEY (mechanism_id, sha256));

-- The nouns' current state: projections of the records, written with them.
CREATE TABLE party (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL, name text NOT NULL, identifier text NOT NULL, kind text NOT NULL,
  country text NOT NULL, PRIMARY KEY (mechanism_id, id));
CREATE UNIQUE INDEX party_identifier ON party (mechanism_id, identifier)
  WHERE identifier <> '' AND status <> 'reversed';

CREATE TABLE fund (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL, name text NOT NULL,
  tier text NOT NULL CHECK (tier IN ('', 'global', 'regional', 'national', 'local')),
  parent text NOT NULL, steward text NOT NULL, currency text NOT NULL, time_zone text NOT NULL,
  open_from date NOT NULL, open_until date,
  fee_basis_points int NOT NULL CHECK (fee_basis_points BETWEEN 0 AND 1000),
  identifier text NOT NULL, reported boolean NOT NULL,
  PRIMARY KEY (mechanism_id, id), CHECK (open_until IS NULL OR open_until >= open_from));
CREATE UNIQUE INDEX fund_identifier ON fund (mechanism_id, identifier)
  WHERE identifier <> '' AND status <> 'reversed';

CREATE TABLE pledge (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL, fund text NOT NULL, donor text NOT NULL, currency text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  outstanding_minor bigint NOT NULL CHECK (outstanding_minor BETWEEN 0 AND amount_minor),
  PRIMARY KEY (mechanism_id, id));

CREATE TABLE commitment (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL, kind text NOT NULL CHECK (kind IN ('contribution', 'transfer', 'grant')),
  from_party text NOT NULL, from_fund text NOT NULL, to_fund text NOT NULL, to_party text NOT NULL,
  currency text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  paid_minor bigint NOT NULL CHECK (paid_minor BETWEEN 0 AND amount_minor),
  accepted_minor bigint NOT NULL CHECK (accepted_minor >= 0),
  claimed_minor bigint NOT NULL CHECK (claimed_minor >= 0),
  refunded_minor bigint NOT NULL CHECK (refunded_minor BETWEEN 0 AND claimed_minor),
  allocation text NOT NULL, income text NOT NULL, tranches jsonb NOT NULL,
  PRIMARY KEY (mechanism_id, id),
  CHECK (kind = 'contribution' OR accepted_minor + claimed_minor <= paid_minor));

CREATE TABLE deposit (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL, commitment text NOT NULL, fund text NOT NULL, bank_account text NOT NULL,
  currency text NOT NULL, amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  settled_minor bigint NOT NULL CHECK (settled_minor > 0),
  original_currency text NOT NULL, original_minor bigint NOT NULL CHECK (original_minor > 0),
  rate text NOT NULL, rate_source text NOT NULL,
  fee_minor bigint NOT NULL CHECK (fee_minor BETWEEN 0 AND amount_minor),
  PRIMARY KEY (mechanism_id, id));

CREATE TABLE allocation (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL, fund text NOT NULL, currency text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0), shares jsonb NOT NULL,
  PRIMARY KEY (mechanism_id, id));

CREATE TABLE disbursement (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('requested', 'approved', 'released', 'confirmed', 'reversed')),
  commitment text NOT NULL, tranche int NOT NULL, from_fund text NOT NULL, to_fund text NOT NULL,
  to_party text NOT NULL, currency text NOT NULL, amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  requested_by text NOT NULL, requested_on date, approved_by text NOT NULL, approved_on date,
  released_by text NOT NULL, released_on date, confirmed_by text NOT NULL, confirmed_on date,
  PRIMARY KEY (mechanism_id, id),
  CHECK (approved_by = '' OR approved_by <> requested_by),
  CHECK (released_by = '' OR (approved_by <> '' AND released_by NOT IN (requested_by, approved_by))));

CREATE TABLE report (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL, commitment text NOT NULL, fund text NOT NULL, party text NOT NULL,
  currency text NOT NULL, direct_minor bigint NOT NULL CHECK (direct_minor > 0),
  support_minor bigint NOT NULL CHECK (support_minor >= 0),
  PRIMARY KEY (mechanism_id, id));

CREATE TABLE refund (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('due', 'received', 'reversed')), commitment text NOT NULL,
  fund text NOT NULL, party text NOT NULL, currency text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  PRIMARY KEY (mechanism_id, id));

CREATE TABLE api_key (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL, party text NOT NULL, role text NOT NULL, fund text NOT NULL,
  digest text NOT NULL CHECK (length(digest) = 64), expires_at timestamptz NOT NULL,
  PRIMARY KEY (mechanism_id, id));
CREATE UNIQUE INDEX api_key_digest ON api_key (mechanism_id, digest);

CREATE TABLE reported_activity (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL, fund text NOT NULL, identifier text NOT NULL, content text NOT NULL,
  PRIMARY KEY (mechanism_id, id));

CREATE TABLE reported_transaction (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL, fund text NOT NULL, iati_type text NOT NULL, currency text NOT NULL,
  amount_minor bigint NOT NULL, digest text NOT NULL, PRIMARY KEY (mechanism_id, id));
CREATE INDEX reported_transaction_fund ON reported_transaction (mechanism_id, fund);

CREATE TABLE import (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL, file text NOT NULL, activities int NOT NULL, transactions int NOT NULL,
  findings text NOT NULL, PRIMARY KEY (mechanism_id, id));

-- Lists are read by when they last changed; lists of one fund or commitment by that.
DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['party','fund','pledge','commitment','deposit','allocation','disbursement',
                           'report','refund'] LOOP
    EXECUTE format('CREATE UNIQUE INDEX %I ON %I (mechanism_id, seq, id)', t || '_seq', t);
  END LOOP; END $$;

-- Writing -----------------------------------------------------------------------------------------

CREATE FUNCTION refuse_batch(rule text, detail text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '%', rule USING ERRCODE = 'MF001', DETAIL = detail; END $$;

-- A noun's new states, given as rows of its table: set by records of this batch (the first is p_first,
-- the last p_last), each upon the state that stands, so that none is lost.
CREATE FUNCTION apply_changes(p_mechanism int, p_first bigint, p_last bigint, noun text, rows jsonb)
RETURNS void
LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
DECLARE columns text; written bigint;
BEGIN
  IF noun NOT IN ('party','fund','pledge','commitment','deposit','allocation','disbursement','report',
                  'refund','api_key','reported_activity','reported_transaction','import') THEN
    PERFORM refuse_batch('noun-unknown', noun);
  END IF;
  SELECT string_agg(format('%1$I = excluded.%1$I', attname), ', ') INTO columns
    FROM pg_attribute WHERE attrelid = format('mfm.%I', noun)::regclass AND attnum > 0
     AND NOT attisdropped AND attname NOT IN ('mechanism_id', 'id');
  EXECUTE format('INSERT INTO %1$I AS t SELECT r.* FROM jsonb_populate_recordset(NULL::%1$I, $1) r'
    ' WHERE r.mechanism_id = $2 AND r.seq BETWEEN $3 AND $4 AND r.prev < r.seq'
    ' ON CONFLICT (mechanism_id, id) DO UPDATE SET %2$s WHERE t.seq <= excluded.prev', noun, columns)
    USING rows, p_mechanism, p_first, p_last;
  GET DIAGNOSTICS written = ROW_COUNT;
  IF written <> jsonb_array_length(rows) THEN PERFORM refuse_batch('noun-stale', noun); END IF;
END $$;

-- Writes what the rules decided, or refuses the lot: the second path of every invariant.
--   p_seq       the head that the rules saw
--   p_at        the instant of all these records
--   r_*         one element a record, in order
--   g_*         one element a posting, in order: its record (from 1) and line there (from 0), sides,
--               amount, the versions and balances it leaves, IATI type and sign
--   p_rest      new accounts, fund chains, noun states, payloads and blobs, as one JSON object
CREATE FUNCTION append_batch(
  p_mechanism int, p_seq bigint, p_at timestamptz,
  r_content bytea[], r_leaf bytea[], r_key bytea[], r_request bytea[], r_effective date[],
  r_verb text[], r_actor text[], r_accepted boolean[], r_reverses bigint[],
  g_record int[], g_line smallint[], g_debit int[], g_credit int[], g_amount bigint[],
  g_debit_version bigint[], g_credit_version bigint[],
  g_debit_balance bigint[], g_credit_balance bigint[], g_iati text[], g_sign smallint[],
  p_rest jsonb)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = mfm, pg_temp AS $$
DECLARE
  h head; n int := cardinality(r_content); m int := cardinality(g_record);
  written bigint; noun text; rows jsonb;
BEGIN
  PERFORM set_config('mfm.appending', 'on', true);
  SELECT * INTO h FROM head WHERE mechanism_id = p_mechanism FOR UPDATE;
  IF NOT FOUND THEN PERFORM refuse_batch('mechanism-unknown'); END IF;
  IF h.seq <> p_seq THEN
    RAISE EXCEPTION 'head-moved' USING ERRCODE = 'MF002', DETAIL = h.seq::text;
  END IF;
  IF p_at <= h.recorded_at THEN PERFORM refuse_batch('clock-backwards'); END IF;
  IF (n, n, n, n, n, n, n, n) IS DISTINCT FROM
     (cardinality(r_leaf), cardinality(r_key), cardinality(r_request), cardinality(r_effective),
      cardinality(r_verb), cardinality(r_actor), cardinality(r_accepted), cardinality(r_reverses))
     OR (m, m, m, m, m, m, m, m, m, m) IS DISTINCT FROM
     (cardinality(g_line), cardinality(g_debit), cardinality(g_credit), cardinality(g_amount),
      cardinality(g_debit_version), cardinality(g_credit_version), cardinality(g_debit_balance),
      cardinality(g_credit_balance), cardinality(g_iati), cardinality(g_sign))
     OR n = 0 THEN
    PERFORM refuse_batch('arrays-differ');
  END IF;

  INSERT INTO record (mechanism_id, seq, recorded_at, effective_on, accepted, reverses, verb, actor,
                      key_hash, request, leaf, content)
  SELECT p_mechanism, p_seq + i, p_at, eff, acc, rev, verb, actor, key, req, leaf, content
    FROM unnest(r_content, r_leaf, r_key, r_request, r_effective, r_verb, r_actor, r_accepted, r_reverses)
         WITH ORDINALITY u(content, leaf, key, req, eff, verb, actor, acc, rev, i)
   WHERE leaf = sha256('\x00'::bytea || content);
  GET DIAGNOSTICS written = ROW_COUNT;
  IF written <> n THEN PERFORM refuse_batch('leaf-differs'); END IF;

  IF EXISTS (SELECT FROM unnest(r_reverses) taken(seq)
               LEFT JOIN record r ON r.mechanism_id = p_mechanism AND r.seq = taken.seq
              WHERE taken.seq IS NOT NULL AND (r.accepted AND r.reverses IS NULL) IS NOT TRUE) THEN
    PERFORM refuse_batch('reverses-nothing');
  END IF;

  IF p_rest ? 'chain' THEN
    PERFORM extend_chains(p_mechanism, p_seq + 1, n, p_rest -> 'chain');
  END IF;
  FOR noun, rows IN SELECT * FROM jsonb_each(p_rest -> 'nouns') LOOP
    PERFORM apply_changes(p_mechanism, p_seq + 1, p_seq + n, noun, rows);
  END LOOP;
  IF p_rest ? 'accounts' THEN
    PERFORM open_accounts(p_mechanism, h.accounts, p_rest -> 'accounts');
  END IF;
  IF m > 0 THEN
    PERFORM write_balances(p_mechanism, g_debit, g_credit, g_amount, g_debit_version,
                           g_credit_version, g_debit_balance, g_credit_balance);
    PERFORM guard_books(p_mechanism, r_effective, r_accepted, g_record, g_debit, g_credit, g_amount);
    INSERT INTO posting (mechanism_id, seq, line, debit_id, credit_id, amount_minor, debit_version,
                         credit_version, debit_balance, credit_balance, effective_on, iati_type, iati_sign)
    SELECT p_mechanism, p_seq + rec, line, debit, credit, amount, dv, cv, db, cb,
           r_effective[rec], iati, sign
      FROM unnest(g_record, g_line, g_debit, g_credit, g_amount, g_debit_version, g_credit_version,
                  g_debit_balance, g_credit_balance, g_iati, g_sign)
           u(rec, line, debit, credit, amount, dv, cv, db, cb, iati, sign);
  END IF;
  IF p_rest ? 'payloads' THEN
    INSERT INTO payload SELECT p_mechanism, seq, field, decode(salt, 'hex'), value
      FROM jsonb_to_recordset(p_rest -> 'payloads') AS x(seq bigint, field text, salt text, value text)
     WHERE seq > p_seq AND seq <= p_seq + n;
    GET DIAGNOSTICS written = ROW_COUNT;
    IF written <> jsonb_array_length(p_rest -> 'payloads') THEN PERFORM refuse_batch('payload-foreign'); END IF;
  END IF;
  IF p_rest ? 'blobs' THEN
    INSERT INTO blob SELECT p_mechanism, sha256(c), c
      FROM jsonb_array_elements_text(p_rest -> 'blobs') b, decode(b, 'base64') c
    ON CONFLICT DO NOTHING;
  END IF;
  UPDATE head SET seq = p_seq + n, recorded_at = p_at,
         accounts = h.accounts + coalesce(jsonb_array_length(p_rest -> 'accounts'), 0)
   WHERE mechanism_id = p_mechanism;
  PERFORM set_config('mfm.appending', '', true);
  RETURN p_seq + n;
END $$;

-- Accounts that the journal has not had before, numbered on from the head's count, each as [number,
-- fund, book, code, currency, subject, side, floored]; side and floor are those of the chart.
CREATE FUNCTION open_accounts(p_mechanism int, p_count int, p_accounts jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
DECLARE written bigint;
BEGIN
  INSERT INTO account
  SELECT p_mechanism, p_count + i, f.id, a ->> 2, a ->> 3, a ->> 4, a ->> 5, side_of(a ->> 3),
         NOT f.reported AND has_floor(a ->> 3)
    FROM jsonb_array_elements(p_accounts) WITH ORDINALITY x(a, i)
    JOIN fund f ON f.mechanism_id = p_mechanism AND f.id = a ->> 1
   WHERE (a ->> 0)::int = p_count + i AND (a ->> 6)::int = side_of(a ->> 3)
     AND (a ->> 7)::boolean = (NOT f.reported AND has_floor(a ->> 3));
  GET DIAGNOSTICS written = ROW_COUNT;
  IF written <> jsonb_array_length(p_accounts) THEN PERFORM refuse_batch('account-differs'); END IF;
  INSERT INTO balance
  SELECT mechanism_id, account_id, 0, 0, 0, side, floored
    FROM account WHERE mechanism_id = p_mechanism AND account_id > p_count;
END $$;

-- Each fund's chain: [fund, its number and leaf before (0 for none), its number and leaf after, the
-- record that is its new end]; that record says the same number, and no chain grows by more than the
-- p_count records of the batch.
CREATE FUNCTION extend_chains(p_mechanism int, p_first bigint, p_count int, p_chain jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
DECLARE written bigint;
BEGIN
  INSERT INTO fund_head AS t
  SELECT p_mechanism, x ->> 0, (x ->> 3)::bigint, r.leaf
    FROM jsonb_array_elements(p_chain) x
    JOIN record r ON r.mechanism_id = p_mechanism AND r.seq = (x ->> 5)::bigint
         AND r.seq >= p_first AND r.leaf = decode(x ->> 4, 'hex')
    LEFT JOIN fund_head h ON h.mechanism_id = p_mechanism AND h.fund = x ->> 0
   WHERE (x ->> 3)::bigint - (x ->> 1)::bigint BETWEEN 1 AND p_count
     AND (convert_from(r.content, 'UTF8')::json -> 'chain')::jsonb
         @> jsonb_build_array(jsonb_build_object('fund', x ->> 0, 'seq', x ->> 3))
     AND CASE WHEN h.fund IS NULL THEN (x ->> 1)::bigint = 0
              ELSE h.fund_seq = (x ->> 1)::bigint AND h.leaf = decode(x ->> 2, 'hex') END
  ON CONFLICT (mechanism_id, fund) DO UPDATE SET fund_seq = excluded.fund_seq, leaf = excluded.leaf;
  GET DIAGNOSTICS written = ROW_COUNT;
  IF written <> jsonb_array_length(p_chain) THEN PERFORM refuse_batch('chain-differs'); END IF;
END $$;

-- Balances, one update an account. What the rules claim each posting left must follow, step by step,
-- from what stands here, and no floor may be broken at any step on the way.
CREATE FUNCTION write_balances(
  p_mechanism int, g_debit int[], g_credit int[], g_amount bigint[],
  g_debit_version bigint[], g_credit_version bigint[],
  g_debit_balance bigint[], g_credit_balance bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
DECLARE wanted bigint; written bigint;
BEGIN
  WITH side AS (
    SELECT i, account, amount AS signed, version, balance
      FROM unnest(g_debit, g_amount, g_debit_version, g_debit_balance)
           WITH ORDINALITY u(account, amount, version, balance, i)
    UNION ALL
    SELECT i, account, -amount, version, balance
      FROM unnest(g_credit, g_amount, g_credit_version, g_credit_balance)
           WITH ORDINALITY u(account, amount, version, balance, i)),
  run AS (
    SELECT account, signed, balance, version - row_number() OVER w AS version_before,
           balance - sum(signed) OVER w AS balance_before
      FROM side WINDOW w AS (PARTITION BY account ORDER BY i ROWS UNBOUNDED PRECEDING)),
  net AS MATERIALIZED (
    SELECT account, count(*) AS moves,
           coalesce(sum(signed) FILTER (WHERE signed > 0), 0)::bigint AS debits,
           coalesce(-sum(signed) FILTER (WHERE signed < 0), 0)::bigint AS credits,
           min(version_before) AS version_low, max(version_before) AS version_high,
           min(balance_before) AS before_low, max(balance_before) AS before_high,
           min(balance) AS low, max(balance) AS high
      FROM run GROUP BY account),
  done AS (
    UPDATE balance b SET debit_minor = b.debit_minor + net.debits,
           credit_minor = b.credit_minor + net.credits, version = b.version + net.moves
      FROM net
     WHERE b.mechanism_id = p_mechanism AND b.account_id = net.account
       AND b.version = net.version_low AND b.version = net.version_high
       AND b.debit_minor - b.credit_minor = net.before_low
       AND b.debit_minor - b.credit_minor = net.before_high
       AND (NOT b.floored OR (b.side = 1 AND net.low >= 0) OR (b.side = -1 AND net.high <= 0))
    RETURNING 1)
  SELECT (SELECT count(*) FROM net), (SELECT count(*) FROM done) INTO wanted, written;
  IF wanted <> written THEN PERFORM refuse_batch('balance-differs'); END IF;
END $$;

-- What every posting and every fund must hold: both sides in one fund, book, currency and memo group;
-- an accepted record; a day inside the fund's open period; in each record, cash equal to what it backs.
CREATE FUNCTION guard_books(
  p_mechanism int, r_effective date[], r_accepted boolean[],
  g_record int[], g_debit int[], g_credit int[], g_amount bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = mfm, pg_temp AS $$
DECLARE fault text;
BEGIN
  WITH told AS MATERIALIZED (
    SELECT u.rec, d.fund, d.currency, d.code AS debit, c.code AS credit, u.amount, r_effective[u.rec] AS day,
           (r_accepted[u.rec] AND d.book = c.book AND d.fund = c.fund AND d.currency = c.currency
            AND memo_group(d.code) = memo_group(c.code)) IS TRUE AS sound
      FROM unnest(g_record, g_debit, g_credit, g_amount) u(rec, debit, credit, amount)
      LEFT JOIN account d ON d.mechanism_id = p_mechanism AND d.account_id = u.debit
      LEFT JOIN account c ON c.mechanism_id = p_mechanism AND c.account_id = u.credit)
  SELECT CASE
      WHEN EXISTS (SELECT FROM told WHERE NOT sound) THEN 'posting-mixed'
      WHEN EXISTS (SELECT FROM (SELECT DISTINCT fund, currency, day FROM told) t
                     LEFT JOIN fund f ON f.mechanism_id = p_mechanism AND f.id = t.fund
                    WHERE f.id IS NULL OR (NOT f.reported AND (t.currency <> f.currency
                          OR t.day < f.open_from OR t.day > coalesce(f.open_until, 'infinity'))))
        THEN 'period-closed'
      WHEN EXISTS (SELECT FROM (
             SELECT fund, sum(CASE WHEN backs(debit) THEN amount ELSE 0 END
                              - CASE WHEN backs(credit) THEN amount ELSE 0 END) AS uncovered
               FROM told GROUP BY rec, fund) t
             JOIN fund f ON f.mechanism_id = p_mechanism AND f.id = t.fund
            WHERE NOT f.reported AND uncovered <> 0)
        THEN 'cash-without-authority' END INTO fault;
  IF fault IS NOT NULL THEN PERFORM refuse_batch(fault); END IF;
END $$;

-- BUD is several memo pairs in one book; FIN is one group.
CREATE FUNCTION memo_group(code text) RETURNS int LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN code < '9' THEN 0 WHEN code IN ('9100', '9190') THEN 1
              WHEN code IN ('9200', '9290') THEN 2 WHEN code IN ('9150', '9195') THEN 3
              WHEN code IN ('9500', '9590') THEN 4 WHEN code IN ('9900', '9990') THEN 5 ELSE 6 END $$;

-- The chart's sides and floors, as core.accounts has them.
CREATE FUNCTION side_of(code text) RETURNS smallint LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN code = '1290' THEN -1 WHEN left(code, 1) IN ('1', '5')
              OR code IN ('9100', '9150', '9200', '9399', '9500', '9900') THEN 1 ELSE -1 END::smallint $$;

CREATE FUNCTION has_floor(code text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT code IN ('1100', '1110', '1120', '1200', '1300', '1400', '1500', '2100', '2200', '2300', '2400',
                  '2500', '2900', '9100', '9190', '9200', '9290', '9300', '9310', '9320', '9330', '9399') $$;

-- The accounts of invariant (3): cash, and what it backs.
CREATE FUNCTION backs(code text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT code IN ('1100', '1110', '2400', '2500', '2900', '9300', '9310', '9320', '9330') $$;

-- A mechanism: its row and its empty head.
CREATE FUNCTION create_mechanism(p_mechanism int, p_name text, p_origin text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = mfm, pg_temp AS $$
BEGIN
  PERFORM set_config('mfm.appending', 'on', true);
  INSERT INTO mechanism (mechanism_id, name, origin) VALUES (p_mechanism, p_name, p_origin);
  INSERT INTO head (mechanism_id) VALUES (p_mechanism);
  PERFORM set_config('mfm.appending', '', true);
END $$;

-- Locks a mechanism's head for the transaction and returns it, for a writer that must look first.
CREATE FUNCTION lock_head(p_mechanism int) RETURNS head
LANGUAGE sql SECURITY DEFINER SET search_path = mfm, pg_temp AS $$
  SELECT * FROM head WHERE mechanism_id = p_mechanism FOR UPDATE $$;

-- Append-only -------------------------------------------------------------------------------------

CREATE FUNCTION deny() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on mfm.% is forbidden: append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'MF403';
END $$;

-- Rows come and change inside append_batch only; not even the owner writes past it by hand.
CREATE FUNCTION only_append() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('mfm.appending', true) IS DISTINCT FROM 'on' THEN
    RAISE EXCEPTION '% on mfm.% is forbidden: append_batch writes', TG_OP, TG_TABLE_NAME
      USING ERRCODE = 'MF403';
  END IF;
  RETURN NULL;
END $$;

-- ENABLE ALWAYS: they hold for the owner too, and when replication triggers are off. For each
-- statement, so that one which finds no row is refused like any other.
DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['mechanism','record','account','posting','payload','blob'] LOOP
    EXECUTE format('CREATE TRIGGER no_change BEFORE UPDATE OR DELETE ON %I'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION deny()', t);
    EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER no_change', t);
  END LOOP;
  -- The rest changes with its record, inside append_batch; nobody empties it.
  FOREACH t IN ARRAY ARRAY['head','fund_head','balance','party','fund','pledge','commitment','deposit',
      'allocation','disbursement','report','refund','api_key','reported_activity',
      'reported_transaction','import'] LOOP
    EXECUTE format('CREATE TRIGGER no_delete BEFORE DELETE ON %I'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION deny()', t);
    EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER no_delete', t);
  END LOOP;
  FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'mfm' LOOP
    EXECUTE format('CREATE TRIGGER only_append BEFORE INSERT OR UPDATE ON %I'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION only_append()', t);
    EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER only_append', t);
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %I'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION deny()', t);
    EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER no_truncate', t);
  END LOOP;
END $$;

-- Grants ------------------------------------------------------------------------------------------

REVOKE ALL ON ALL TABLES IN SCHEMA mfm FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA mfm FROM PUBLIC;
GRANT SELECT ON public.alembic_version TO PUBLIC;
GRANT USAGE ON SCHEMA mfm TO mfm_writer, mfm_reader, mfm_auditor;
GRANT SELECT ON ALL TABLES IN SCHEMA mfm TO mfm_writer, mfm_reader, mfm_auditor;
REVOKE SELECT ON payload FROM mfm_reader;       -- free text is for the writer and the auditor
GRANT EXECUTE ON FUNCTION append_batch, create_mechanism, lock_head TO mfm_writer;

-- Readers and auditors see one mechanism: the one that mfm.mechanism names.
DO $$ DECLARE t text; BEGIN
  FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'mfm' LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY write_any ON %I FOR SELECT TO mfm_writer USING (true)', t);
    EXECUTE format($p$CREATE POLICY read_one ON %I FOR SELECT TO mfm_reader, mfm_auditor
      USING (mechanism_id = nullif(current_setting('mfm.mechanism', true), '')::int)$p$, t);
  END LOOP;
END $$;
