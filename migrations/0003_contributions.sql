-- Money in: contributions with conditions, deferred income and early ends; what else a bank account
-- receives and pays of its own; expertise in kind.
SET LOCAL search_path = mfm;

ALTER TABLE commitment
  ADD COLUMN recognition text NOT NULL DEFAULT '' CHECK (recognition IN ('', 'immediate', 'on_compliance')),
  ADD COLUMN conditional_minor bigint NOT NULL DEFAULT 0 CHECK (conditional_minor >= 0),
  ADD COLUMN deferred_minor bigint NOT NULL DEFAULT 0 CHECK (deferred_minor >= 0),
  ADD COLUMN reduced_minor bigint NOT NULL DEFAULT 0 CHECK (reduced_minor >= 0),
  ADD COLUMN written_off_minor bigint NOT NULL DEFAULT 0 CHECK (written_off_minor >= 0),
  ADD COLUMN from_balance_minor bigint NOT NULL DEFAULT 0
    CHECK (from_balance_minor BETWEEN 0 AND reduced_minor),
  -- A contribution's parts fit into it: conditional, paid and written off; what is deferred is firm, was
  -- not written off, and waits for compliance. Other kinds have none of them.
  ADD CONSTRAINT commitment_parts CHECK (CASE WHEN kind = 'contribution' THEN
      conditional_minor + paid_minor + written_off_minor <= amount_minor
      AND conditional_minor + deferred_minor + written_off_minor <= amount_minor
      AND (deferred_minor = 0 OR recognition = 'on_compliance')
    ELSE recognition = '' AND conditional_minor + deferred_minor + reduced_minor + written_off_minor = 0
    END),
  ADD CONSTRAINT contribution_standing CHECK (kind <> 'contribution' OR status = 'reversed' OR status = CASE
      WHEN paid_minor + written_off_minor < amount_minor
        THEN CASE WHEN paid_minor > 0 THEN 'partly_received' ELSE 'signed' END
      WHEN written_off_minor > 0 THEN 'written_off'
      WHEN reduced_minor > 0 THEN 'reduced'
      ELSE 'received' END);

CREATE TABLE donor_refund (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('decided', 'paid', 'reversed')), commitment text NOT NULL,
  fund text NOT NULL, party text NOT NULL, currency text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  decided_by text NOT NULL CHECK (decided_by <> ''), decided_on date,
  paid_by text NOT NULL CHECK (paid_by <> decided_by), paid_on date,
  PRIMARY KEY (mechanism_id, id),
  CHECK (status = 'reversed' OR (status = 'paid') = (paid_by <> '')));
SELECT join_nouns('donor_refund');

CREATE TABLE unidentified_receipt (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('unidentified', 'identified', 'returned', 'reversed')),
  fund text NOT NULL, bank_account text NOT NULL, currency text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  original_currency text NOT NULL, original_minor bigint NOT NULL CHECK (original_minor > 0),
  rate text NOT NULL, rate_source text NOT NULL, deposit text NOT NULL,
  PRIMARY KEY (mechanism_id, id), CHECK ((status = 'identified') = (deposit <> '')));
SELECT join_nouns('unidentified_receipt');

CREATE TABLE interest (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('earned', 'reversed')),
  fund text NOT NULL, bank_account text NOT NULL, currency text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0), PRIMARY KEY (mechanism_id, id));
SELECT join_nouns('interest');

CREATE TABLE cost (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('paid', 'reversed')),
  kind text NOT NULL CHECK (kind IN ('direct', 'bank-charge')),
  fund text NOT NULL, bank_account text NOT NULL, currency text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0), shares jsonb NOT NULL,
  PRIMARY KEY (mechanism_id, id));
SELECT join_nouns('cost');

CREATE TABLE in_kind (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('recorded', 'reversed')),
  fund text NOT NULL, donor text NOT NULL, currency text NOT NULL, hours text NOT NULL,
  hour_minor bigint NOT NULL CHECK (hour_minor > 0),
  amount_minor bigint NOT NULL CHECK (amount_minor > 0), channel text NOT NULL CHECK (channel IN ('3', '4')),
  PRIMARY KEY (mechanism_id, id));
SELECT join_nouns('in_kind');
