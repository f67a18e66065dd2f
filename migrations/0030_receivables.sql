-- What a donor owes is given up by two people, as a grantee's advance is.
SET LOCAL search_path = mfm;

ALTER TABLE write_off ADD COLUMN receivable boolean NOT NULL DEFAULT false,
  ADD CONSTRAINT write_off_receivable CHECK (NOT receivable OR refund = '');
