"""The auditor's battery: invariants 1 to 9 and 11 of the accounting rules, each as one query."""

import asyncpg

from mfm.store.database import Mechanism

# b: account and balance of one mechanism; net is debits less credits.
_WITH = """
WITH b AS (
  SELECT fund, book, code, currency, subject, debit_minor - credit_minor AS net
    FROM mfm.account JOIN mfm.balance USING (mechanism_id, account_id) WHERE mechanism_id = $1),
grants AS (SELECT * FROM mfm.commitment
            WHERE mechanism_id = $1 AND kind = 'grant' AND status <> 'reversed'),
transfers AS (SELECT * FROM mfm.commitment
               WHERE mechanism_id = $1 AND kind = 'transfer' AND status <> 'reversed'),
deposits AS (SELECT * FROM mfm.deposit WHERE mechanism_id = $1 AND status <> 'reversed'),
sources AS (  -- what came in under each contribution or transfer, and what was drawn on it
  SELECT fund, commitment AS subject, sum(amount_minor - fee_minor) AS came
    FROM deposits GROUP BY 1, 2
  UNION ALL
  SELECT to_fund, commitment, sum(amount_minor - short_minor - charged_minor)
    FROM mfm.disbursement
   WHERE mechanism_id = $1 AND status = 'confirmed' AND to_fund <> '' GROUP BY 1, 2
  UNION ALL
  SELECT fund, 'interest', sum(amount_minor) FROM mfm.interest
   WHERE mechanism_id = $1 AND status <> 'reversed' GROUP BY 1),
drawn AS (
  SELECT fund, subject, sum(went) AS went FROM (
    SELECT fund, s ->> 'contribution' AS subject, (s ->> 'amount_minor')::bigint AS went
      FROM mfm.allocation, jsonb_array_elements(shares) s
     WHERE mechanism_id = $1 AND status <> 'reversed'
    UNION ALL
    SELECT fund, s ->> 'contribution', (s ->> 'amount_minor')::bigint
      FROM mfm.cost, jsonb_array_elements(shares) s
     WHERE mechanism_id = $1 AND status <> 'reversed'
    UNION ALL
    SELECT x.fund, s ->> 'contribution', (s ->> 'amount_minor')::bigint
      FROM (SELECT mechanism_id, fund, status, shares FROM mfm.conversion
            UNION ALL SELECT mechanism_id, fund, status, shares FROM mfm.foreign_payment
            UNION ALL SELECT mechanism_id, fund, status, shares FROM mfm.revaluation) x,
           jsonb_array_elements(x.shares) s
     WHERE x.mechanism_id = $1 AND x.status <> 'reversed'
    UNION ALL
    SELECT fund, commitment, amount_minor FROM mfm.donor_refund
     WHERE mechanism_id = $1 AND status <> 'reversed') d GROUP BY 1, 2)
"""

_SUM = "SELECT coalesce(sum(net), 0) FROM b WHERE"

INVARIANTS = {
    1: "SELECT fund, book, currency FROM b GROUP BY 1, 2, 3 HAVING sum(net) <> 0",
    2: """SELECT fund FROM b WHERE code IN ('9399', '9300', '9310', '9320', '9330', '9340')
           GROUP BY fund HAVING sum(net) <> 0
          UNION ALL
          SELECT fund FROM b WHERE code IN ('9300', '9310', '9320', '9330') AND net > 0""",
    3: """SELECT fund FROM b WHERE code IN ('1100', '1110', '1190', '9300', '9310', '9320', '9330',
                                            '2900', '2500', '2400')
           GROUP BY fund HAVING sum(net) <> 0""",
    4: f"""SELECT g.id FROM grants g
            WHERE ({_SUM} code = '2200' AND subject = g.id)
               <> ({_SUM} code = '9330' AND subject = g.id)""",
    5: f"""SELECT g.id FROM grants g
            WHERE ({_SUM} code IN ('1300', '1500', '2200') AND subject = g.id)
               <> g.paid_minor - g.accepted_minor - g.refunded_minor - g.lost_minor
                - (SELECT coalesce(sum(amount_minor), 0) FROM mfm.disbursement d
                    WHERE d.mechanism_id = $1 AND d.commitment = g.id AND d.basis <> 'advance'
                      AND d.status IN ('approved', 'instructed'))
               OR ({_SUM} code = '1300' AND subject = g.id) < 0""",
    6: """SELECT subject FROM b WHERE code IN ('2300', '1400') GROUP BY 1 HAVING sum(net) <> 0
          UNION ALL
          SELECT subject FROM b WHERE code IN ('5300', '4600') GROUP BY 1 HAVING sum(net) <> 0""",
    7: f"""SELECT s.subject FROM sources s LEFT JOIN drawn d USING (fund, subject)
            WHERE s.came - coalesce(d.went, 0) < 0 OR s.came - coalesce(d.went, 0)
               <> -({_SUM} b.fund = s.fund AND code = '9300' AND b.subject = s.subject)""",
    8: f"""SELECT d.id FROM deposits d JOIN mfm.fund f ON f.mechanism_id = $1 AND f.id = d.fund
            WHERE 10000 * d.fee_minor > d.amount_minor * f.fee_basis_points + 10000
               OR d.fee_minor <> ({_SUM} code = '5400' AND subject = d.id)""",
    9: """SELECT id FROM (SELECT * FROM grants UNION ALL SELECT * FROM transfers) c
           WHERE (SELECT sum((t ->> 'amount_minor')::bigint) FROM jsonb_array_elements(tranches) t)
                 IS DISTINCT FROM amount_minor""",
    11: f"""SELECT t.id FROM transfers t,
             LATERAL (SELECT coalesce(sum(amount_minor), 0) AS sent,
                             coalesce(sum(amount_minor - short_minor)
                                        FILTER (WHERE status = 'confirmed'), 0) AS arrived,
                             coalesce(bool_or(confirmed_on < released_on), false) AS early
                        FROM mfm.disbursement d WHERE d.mechanism_id = $1 AND d.commitment = t.id
                         AND status IN ('released', 'confirmed')) d
            WHERE d.sent <> t.paid_minor OR d.early
               OR d.sent - d.arrived
                  <> ({_SUM} fund = t.to_fund AND code = '1120' AND subject = t.id)
               OR t.amount_minor - d.sent
                  <> ({_SUM} fund = t.to_fund AND code = '1400' AND subject = t.id)""",
}


async def broken(connection: asyncpg.Connection, mechanism: Mechanism) -> list[str]:
    """Return every invariant that does not hold, with what breaks it."""
    return [
        f"({number}) {tuple(row)}"
        for number, query in INVARIANTS.items()
        for row in await connection.fetch(_WITH + query, mechanism.id)
    ]
