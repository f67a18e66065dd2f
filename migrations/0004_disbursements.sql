-- disbursements: their steps and who took them, payments that come short or back, reports that are
-- decided on, and write-offs. What stands in old rows is what the fields' defaults say.
SET LOCAL search_path = mfm;

ALTER TABLE fund
  ADD COLUMN advance_model text NOT NULL DEFAULT 'advance'
    CHECK (advance_model IN ('advance', 'expense_on_payment')),
  ADD COLUMN review boolean NOT NULL DEFAULT false,
  ADD COLUMN report_days int NOT NULL DEFAULT 0 CHECK (report_days BETWEEN 0 AND 3660);

ALTER TABLE commitment
  ADD COLUMN lost_minor bigint NOT NULL DEFAULT 0 CHECK (lost_minor >= 0),
  ADD CONSTRAINT commitment_settled
    CHECK (kind = 'contribution' OR accepted_minor + claimed_minor + lost_minor <= paid_minor);

ALTER TABLE disbursement
  DROP CONSTRAINT disbursement_status_check,
  DROP CONSTRAINT disbursement_check,
  DROP CONSTRAINT disbursement_check1,
  ADD COLUMN basis text NOT NULL DEFAULT 'advance' CHECK (basis IN ('advance', 'expense', 'reimbursement')),
  ADD COLUMN resubmitted_by text NOT NULL DEFAULT '', ADD COLUMN resubmitted_on date,
  ADD COLUMN reviewed_by text NOT NULL DEFAULT '', ADD COLUMN reviewed_on date,
  ADD COLUMN returned_by text NOT NULL DEFAULT '', ADD COLUMN returned_on date,
  ADD COLUMN needs text NOT NULL DEFAULT '', ADD COLUMN answer_by date,
  ADD COLUMN ended_by text NOT NULL DEFAULT '', ADD COLUMN ended_on date,
  ADD COLUMN instructed_by text NOT NULL DEFAULT '', ADD COLUMN instructed_on date,
  ADD COLUMN bounced_by text NOT NULL DEFAULT '', ADD COLUMN bounced_on date,
  ADD COLUMN bank_account text NOT NULL DEFAULT '',
  ADD COLUMN short_minor bigint NOT NULL DEFAULT 0 CHECK (short_minor >= 0),
  ADD COLUMN charged_minor bigint NOT NULL DEFAULT 0 CHECK (charged_minor >= 0),
  ADD COLUMN original_currency text NOT NULL DEFAULT '',
  ADD COLUMN original_minor bigint NOT NULL DEFAULT 0 CHECK (original_minor >= 0),
  ADD COLUMN report_by date,
  ADD COLUMN reported_by text NOT NULL DEFAULT '', ADD COLUMN reported_on date;

ALTER TABLE disbursement
  ADD CONSTRAINT disbursement_status CHECK (status IN ('requested', 'returned', 'reviewed', 'approved',
    'instructed', 'released', 'confirmed', 'reported', 'rejected', 'cancelled', 'reversed')),
  -- Four eyes: who asked, who reviewed, who approved and who pays are different people.
  ADD CONSTRAINT disbursement_reviewer CHECK (reviewed_by = ''
    OR reviewed_by NOT IN (requested_by, resubmitted_by)),
  ADD CONSTRAINT disbursement_approver CHECK (approved_by = ''
    OR approved_by NOT IN (requested_by, resubmitted_by, reviewed_by)),
  ADD CONSTRAINT disbursement_payers CHECK (
    (instructed_by = '' OR instructed_by NOT IN (requested_by, resubmitted_by, reviewed_by, approved_by))
    AND (released_by = '' OR released_by NOT IN (requested_by, resubmitted_by, reviewed_by, approved_by))),
  -- Nothing is owed without an approver, and nothing has left without a payer.
  ADD CONSTRAINT disbursement_approved CHECK (approved_by <> ''
    OR status NOT IN ('approved', 'instructed', 'released', 'confirmed', 'reported')),
  ADD CONSTRAINT disbursement_unapproved CHECK (approved_by = ''
    OR status NOT IN ('requested', 'returned', 'reviewed')),
  ADD CONSTRAINT disbursement_instructed CHECK (status <> 'instructed' OR instructed_by <> ''),
  ADD CONSTRAINT disbursement_released CHECK (
    (released_by <> '') = (status IN ('released', 'confirmed', 'reported')) OR status = 'reversed'),
  ADD CONSTRAINT disbursement_short CHECK (short_minor + charged_minor < amount_minor
    AND (status IN ('confirmed', 'reported', 'reversed') OR short_minor + charged_minor = 0)),
  ADD CONSTRAINT disbursement_transfer CHECK (to_fund = '' OR basis = 'advance');

-- A tranche is on its way once, however often it was asked for: no second approval, no second payment.
CREATE UNIQUE INDEX disbursement_tranche ON disbursement (mechanism_id, commitment, tranche)
  WHERE status NOT IN ('rejected', 'cancelled', 'reversed');

ALTER TABLE report
  DROP CONSTRAINT report_direct_minor_check,
  ADD CONSTRAINT report_direct CHECK (direct_minor >= 0),
  ADD COLUMN disbursement text NOT NULL DEFAULT '',
  ADD COLUMN asked_direct_minor bigint NOT NULL DEFAULT 0 CHECK (asked_direct_minor >= 0),
  ADD COLUMN asked_support_minor bigint NOT NULL DEFAULT 0 CHECK (asked_support_minor >= 0),
  ADD COLUMN rejected_minor bigint NOT NULL DEFAULT 0 CHECK (rejected_minor >= 0),
  ADD COLUMN evidence boolean NOT NULL DEFAULT false,
  ADD COLUMN submitted_by text NOT NULL DEFAULT '', ADD COLUMN submitted_on date,
  ADD COLUMN questioned_by text NOT NULL DEFAULT '', ADD COLUMN questioned_on date,
  ADD COLUMN decided_by text NOT NULL DEFAULT '', ADD COLUMN decided_on date,
  ADD COLUMN answer_by date;
ALTER TABLE report
  ADD CONSTRAINT report_status CHECK (status IN ('submitted', 'questioned', 'accepted', 'reversed')),
  ADD CONSTRAINT report_undecided CHECK (status NOT IN ('submitted', 'questioned')
    OR (direct_minor + support_minor + rejected_minor = 0 AND decided_by = '')),
  ADD CONSTRAINT report_asked CHECK (submitted_by = ''
    OR direct_minor + support_minor + rejected_minor <= asked_direct_minor + asked_support_minor),
  ADD CONSTRAINT report_eyes CHECK (submitted_by = '' OR decided_by <> submitted_by);

ALTER TABLE refund
  DROP CONSTRAINT refund_status_check,
  ADD CONSTRAINT refund_status CHECK (status IN ('due', 'received', 'written_off', 'reversed')),
  ADD COLUMN expensed boolean NOT NULL DEFAULT false;

CREATE TABLE write_off (
  mechanism_id int NOT NULL, id text NOT NULL, seq bigint NOT NULL, prev bigint NOT NULL,
  status text NOT NULL CHECK (status IN ('proposed', 'approved', 'rejected', 'reversed')),
  commitment text NOT NULL, fund text NOT NULL, party text NOT NULL, currency text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0), refund text NOT NULL,
  proposed_by text NOT NULL, proposed_on date, decided_by text NOT NULL, decided_on date,
  PRIMARY KEY (mechanism_id, id),
  CHECK (status <> 'approved' OR (decided_by <> '' AND decided_by <> proposed_by)));
SELECT join_nouns('write_off');
