-- The equation of accounting, from rows and from counters, in one snapshot: place, quantity, by rows, by counters.
-- Knows nothing of the code. A number that only one side can know is null on the other.
WITH
outcomes AS (
    SELECT workspace_id, label, sum(count)::bigint AS events
    FROM (SELECT workspace_id, label, count FROM rollup_partial WHERE metric = 'outcome'
          UNION ALL SELECT workspace_id, label, count FROM rollup_hour WHERE metric = 'outcome') AS both_levels
    GROUP BY workspace_id, label
),
kinds AS (
    SELECT workspace_id, events,
           CASE WHEN label = 'stored' THEN 'stored'
                WHEN label IN ('duplicate', 'too_many_names', 'not_historical', 'person_unknown') THEN 'dropped'
                ELSE 'quarantined' END AS kind
    FROM outcomes
),
accepted AS (
    SELECT w.id AS workspace_id,
           (SELECT coalesce(sum(event_count), 0) FROM inbox WHERE workspace_id = w.id) AS inbox,
           (SELECT count(*) FROM event WHERE workspace_id = w.id) AS stored,
           (SELECT coalesce(sum(event_count), 0) FROM quarantine WHERE workspace_id = w.id) AS quarantined,
           (SELECT coalesce(sum(events), 0) FROM kinds WHERE workspace_id = w.id AND kind = 'stored') AS c_stored,
           (SELECT coalesce(sum(events), 0) FROM kinds WHERE workspace_id = w.id AND kind = 'dropped') AS c_dropped,
           (SELECT coalesce(sum(events), 0) FROM kinds
            WHERE workspace_id = w.id AND kind = 'quarantined') AS c_quarantined
    FROM workspace w
),
forwarded AS (
    SELECT connection_id::bigint, count(*) AS events
    FROM event, jsonb_array_elements_text(coalesce(forwarded, '[]')) AS connection_id GROUP BY 1
),
withheld AS (
    SELECT connection_id::bigint, count(*) AS events
    FROM event, jsonb_object_keys(coalesce(withheld, '{}')) AS connection_id GROUP BY 1
),
not_taken_up AS (
    SELECT d.connection_id, sum(upper(part) - lower(part)) AS events
    FROM outbox_delivery d, unnest(d.positions - d.done) AS part GROUP BY 1
),
-- 1 retrying, 2 held, 3 parked, 4 failed, 5 withheld after it was forwarded
exceptions AS (
    SELECT connection_id, count(*) FILTER (WHERE state IN (1, 2)) AS waiting,
           count(*) FILTER (WHERE state IN (3, 4)) AS failed, count(*) FILTER (WHERE state = 5) AS withheld
    FROM delivery_exception WHERE event_id IS NOT NULL GROUP BY 1
),
-- Held back although nothing of that person is to be tried: nobody would ever come for it.
stuck AS (
    SELECT h.output_id, h.mpid FROM delivery_exception h WHERE h.state = 2
      AND NOT EXISTS (SELECT 1 FROM delivery_exception d
                      WHERE d.bucket = h.bucket AND d.output_id = h.output_id AND d.mpid = h.mpid
                        AND d.next_at IS NOT NULL)
    GROUP BY 1, 2
),
verdicts AS (
    SELECT connection_id, state, sum(count)::bigint AS events
    FROM (SELECT connection_id, state, count FROM verdict_partial
          UNION ALL SELECT connection_id, state, count FROM verdict_hour) AS both_levels
    GROUP BY connection_id, state
),
by_rows AS (
    SELECT c.id, coalesce(f.events, 0) AS forwarded,
           coalesce(n.events, 0) + coalesce(e.waiting, 0) AS waiting,
           coalesce(e.failed, 0) AS failed,
           coalesce(w.events, 0) + coalesce(e.withheld, 0) AS withheld,
           coalesce(e.withheld, 0) AS withheld_later
    FROM connection c
    LEFT JOIN forwarded f ON f.connection_id = c.id
    LEFT JOIN withheld w ON w.connection_id = c.id
    LEFT JOIN not_taken_up n ON n.connection_id = c.id
    LEFT JOIN exceptions e ON e.connection_id = c.id
),
states AS (
    SELECT id, 'waiting' AS state, waiting AS events FROM by_rows
    UNION ALL SELECT id, 'failed', failed FROM by_rows
    UNION ALL SELECT id, 'withheld', withheld FROM by_rows
    UNION ALL SELECT id, 'delivered', forwarded - waiting - failed - withheld_later FROM by_rows
)
SELECT 'deliveries', 'stuck', count(*), NULL::bigint FROM stuck
UNION ALL SELECT 'workspace ' || workspace_id, 'inbox', inbox::bigint, NULL::bigint FROM accepted
UNION ALL SELECT 'workspace ' || workspace_id, 'stored', stored, c_stored::bigint FROM accepted
UNION ALL SELECT 'workspace ' || workspace_id, 'quarantined', quarantined::bigint, c_quarantined::bigint FROM accepted
UNION ALL SELECT 'workspace ' || workspace_id, 'dropped', NULL, c_dropped::bigint FROM accepted
UNION ALL
SELECT 'connection ' || s.id, s.state, s.events::bigint, coalesce(v.events, 0)
FROM states s LEFT JOIN verdicts v ON v.connection_id = s.id AND v.state = s.state
ORDER BY 1, 2
