/* services/learning/database/learners.c -- see learners.h. No state. */
#include "services/learning/database/learners.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "postgres/rows.h"
#include "services/learning/database/numbers.h"
#include "services/learning/database/reviews.h"

#define PURGE_BATCH 2000 /* decisions of one statement, each with up to CHOOSE_MOST offers */
#define PURGE_BATCHES 100

static const struct lp_db_statement read_learner = {
    "read_learner",
    "SELECT coalesce(l.level, 1), CASE WHEN l.bandit_model = '" BANDIT_MODEL "' THEN l.bandit END,"
    " CASE WHEN l.day = $2::int THEN l.day_ms ELSE 0 END, i.phrase,"
    " CASE WHEN l.forgetting_model = '" FORGETTING_MODEL "' THEN l.forgetting END"
    " FROM (SELECT $1::text AS learner) q LEFT JOIN learners l USING (learner)"
    " LEFT JOIN items i ON i.id = l.last_item",
    2, true
};

/* For who has more reviews than are looked at. */
static const struct lp_db_statement count_due = {
    "count_due_of", "SELECT count(*) FROM states WHERE learner = $1 AND due_ms <= $2::bigint", 2,
    true
};

/* Limits are part of the text: as parameters they are guessed wrong. */
#define LIMIT_OF(n) LIMIT_TEXT(n)
#define LIMIT_TEXT(n) " LIMIT " #n
#define REVIEW_COLUMNS                                                                 \
    "s.item_id, i.class, i.level, i.seconds, i.phrase, s.difficulty, s.stability,"     \
    " s.stage, s.step, s.last_ms, s.due_ms, s.ratings::float8 / s.reviews, s.reviews," \
    " " RECALLED_OF                                                                    \
    " FROM states s JOIN items i ON i.id = s.item_id AND NOT i.deleted WHERE s.learner = $1"

#define DUE(n) "SELECT " REVIEW_COLUMNS " AND s.due_ms <= $2::bigint ORDER BY s.due_ms" LIMIT_OF(n)
static const struct lp_db_statement read_due = { "read_due", DUE(LEARNERS_DUE), 2, true };

/* Before an exam, when what is not due may come too. */
static const struct lp_db_statement read_any = { "read_any", DUE(CHOOSE_DUE), 2, true };

static const struct lp_db_statement read_lowest = {
    "read_lowest",
    "SELECT " REVIEW_COLUMNS " AND $2::bigint > 0 ORDER BY 12, s.due_ms" LIMIT_OF(CHOOSE_DUE), 2,
    true
};

/* By the index on level and rank: so many of each level, more of those near. A prerequisite that
 * was deleted holds up nothing. */
static const struct lp_db_statement read_fresh = {
    "read_fresh",
    "SELECT i.id, i.class, i.level, i.seconds, i.phrase,"
    " cardinality(i.prerequisites) > 0, (SELECT count(*) FROM states s WHERE s.learner = $1"
    "  AND s.item_id = ANY (i.confusables) AND s.stability < 21)"
    " FROM (SELECT n AS level, abs(n - $2::int) AS far FROM generate_series(1, 6) n) v,"
    " LATERAL (SELECT * FROM items i WHERE NOT i.deleted AND i.level = v.level"
    "  AND NOT EXISTS (SELECT FROM states s WHERE s.learner = $1 AND s.item_id = i.id)"
    "  AND NOT EXISTS (SELECT FROM unnest(i.prerequisites) p JOIN items b ON b.id = p"
    "   AND NOT b.deleted WHERE NOT EXISTS (SELECT FROM states s WHERE s.learner = $1"
    "    AND s.item_id = p AND s.stability >= 1))"
    "  ORDER BY i.rank, i.id LIMIT CASE v.far WHEN 0 THEN 32 WHEN 1 THEN 16 ELSE 8 END) i"
    " ORDER BY v.far, i.rank, i.id" LIMIT_OF(CHOOSE_FRESH),
    2, true
};

/* Nobody waits for the disk: what a crash of the server loses are the offers of the last second,
 * whichever they are. Answers to them teach no bandit then and do not count in the estimate, which
 * stays what it is: it is of those answers whose offer is there. */
static const struct lp_db_statement log_choice = {
    "log_choice",
    "WITH d AS (INSERT INTO decisions (learner, policy, arm, model, fresh, slots, mean_x, first_x)"
    " SELECT $1, $2, $3, '" BANDIT_MODEL "', $4::int, $5::int, $6, $7"
    " FROM set_config('synchronous_commit', 'off', true) RETURNING id)"
    "INSERT INTO offers (decision, learner, item_id, place, propensity, x)"
    " SELECT d.id, $1, o.item, o.place, o.propensity, o.x FROM d, jsonb_to_recordset($8::jsonb)"
    " AS o(item text, place int, propensity float8, x text)",
    8, false
};

/* Two, as a plan for both would read every learner (plan_once). */
#define RESET "UPDATE learners SET bandit = NULL, level = 1, forgetting = NULL"
static const struct lp_db_statement reset = { "reset", RESET " WHERE learner = $1", 1, true };
static const struct lp_db_statement reset_all = { "reset_all", RESET, 0, true };

static const struct lp_db_statement read_logged = {
    "read_logged",
    "SELECT o.x, o.reward, o.propensity, o.place, d.slots, d.fresh, d.mean_x, d.first_x"
    " FROM decisions d JOIN offers o ON o.decision = d.id WHERE o.reward IS NOT NULL"
    " AND d.model = '" BANDIT_MODEL "' AND d.at > now() - $1::int * interval '1 day'"
    " ORDER BY d.id DESC LIMIT 20000",
    1, true
};

static const struct lp_db_statement purge_log = {
    "purge_log",
    "DELETE FROM decisions WHERE id IN (SELECT id FROM decisions"
    " WHERE at < now() - $1::int * interval '1 day' ORDER BY at LIMIT $2::int"
    " FOR UPDATE SKIP LOCKED)",
    2, true
};

void learner_done(struct learner *l)
{
    free(l->last_phrase);
}

static double real(const PGresult *rows, int row, int column)
{
    const char *text = lp_rows_text(rows, row, column);
    return text ? strtod(text, NULL) : 0;
}

int learner_read(struct lp_db *db, const char *learner, int64_t now_ms, struct learner *ret,
                 struct lp_error *err)
{
    char day[24];
    double packed[BANDIT_PACKED], stored[FORGETTING_NUMBERS];
    PGresult *row = NULL;
    snprintf(day, sizeof day, "%lld", (long long)(now_ms / FSRS_DAY_MS));
    int r = lp_rows_first(db, &read_learner, (const char *[]){ learner, day }, LP_E_INTERNAL, &row,
                          err);
    if (r < 0)
        return r;
    *ret = (struct learner){ .level = real(row, 0, 0),
                             .day_ms = lp_rows_number(row, 0, 2),
                             .last_phrase = lp_strdup(lp_rows_text(row, 0, 3)) };
    if (numbers_read(lp_rows_text(row, 0, 1), BANDIT_PACKED, packed))
        bandit_unpack(packed, &ret->bandit);
    else
        bandit_init(&ret->bandit);
    if (numbers_read(lp_rows_text(row, 0, 4), FORGETTING_NUMBERS, stored))
        forgetting_unpack(stored, &ret->forgetting);
    PQclear(row);
    return 0;
}

void candidates_done(struct candidates *c)
{
    PQclear(c->rows[0]);
    PQclear(c->rows[1]);
}

/* The columns that reviews and new items have in common. */
static struct candidate read_item(const PGresult *rows, int row)
{
    long long seconds = lp_rows_number(rows, row, 3);
    return (struct candidate){
        .id = lp_rows_text(rows, row, 0),
        .phrase = lp_rows_text(rows, row, 4),
        .facts = { .class = lp_rows_text(rows, row, 1),
                   .level = (int)lp_rows_number(rows, row, 2),
                   .seconds = seconds > 0 ? (int)seconds : 15,
                   .place = row },
    };
}

static void take_reviews(struct candidates *c)
{
    const PGresult *rows = c->rows[0];
    for (c->n_due = 0; c->n_due < PQntuples(rows) && c->n_due < CHOOSE_DUE; c->n_due++) {
        int row = c->n_due;
        struct candidate *to = &c->due[row];
        *to = read_item(rows, row);
        to->state = (struct fsrs_state){
            .difficulty = real(rows, row, 5),
            .stability = real(rows, row, 6),
            .stage = (enum fsrs_stage)lp_rows_number(rows, row, 7),
            .step = (int)lp_rows_number(rows, row, 8),
            .last_ms = lp_rows_number(rows, row, 9),
            .due_ms = lp_rows_number(rows, row, 10),
        };
        to->average = real(rows, row, 11);
        to->seen = (int)lp_rows_number(rows, row, 12);
        to->recalled = (int)lp_rows_number(rows, row, 13);
    }
}

static void take_fresh(struct candidates *c)
{
    const PGresult *rows = c->rows[1];
    for (c->n_fresh = 0; c->n_fresh < PQntuples(rows) && c->n_fresh < CHOOSE_FRESH; c->n_fresh++) {
        struct candidate *to = &c->fresh[c->n_fresh];
        *to = read_item(rows, c->n_fresh);
        to->is_new = true;
        to->facts.builds = *lp_rows_text(rows, c->n_fresh, 5) == 't';
        to->facts.confusables = (int)lp_rows_number(rows, c->n_fresh, 6);
    }
}

int candidates_reviews(struct lp_db *db, const char *learner, enum policy policy, int64_t now_ms,
                       int64_t until_ms, struct candidates *ret, struct lp_error *err)
{
    bool lowest = policy == POLICY_LOWEST_AVERAGE, due = !lowest && until_ms <= now_ms;
    char until[24];
    snprintf(until, sizeof until, "%lld", (long long)until_ms);
    ret->most_due = due ? LEARNERS_DUE : CHOOSE_DUE;
    int r = lp_db_run(db,
                      lowest ? &read_lowest
                      : due  ? &read_due
                             : &read_any,
                      (const char *[]){ learner, until }, &ret->rows[0], err);
    if (r == 0)
        take_reviews(ret);
    return r;
}

int candidates_new(struct lp_db *db, const char *learner, double level, struct candidates *ret,
                   struct lp_error *err)
{
    char near[12];
    snprintf(near, sizeof near, "%d", (int)(level + 0.5));
    int r = lp_db_run(db, &read_fresh, (const char *[]){ learner, near }, &ret->rows[1], err);
    if (r == 0)
        take_fresh(ret);
    return r;
}

int candidates_due(struct lp_db *db, const char *learner, const struct candidates *c,
                   int64_t now_ms, int64_t *ret_n, struct lp_error *err)
{
    char now[24], n[24];
    *ret_n = 0;
    for (int i = 0; i < c->n_due; i++)
        *ret_n += c->due[i].state.due_ms <= now_ms;
    if (c->n_due < c->most_due)
        return 0;
    snprintf(now, sizeof now, "%lld", (long long)now_ms);
    int r = lp_rows_value(db, &count_due, (const char *[]){ learner, now }, n, sizeof n, err);
    if (r == 0)
        *ret_n = strtoll(n, NULL, 10);
    return r;
}

#define ROW_BYTES ((size_t)BANDIT_D * 24)

static json_t *offers_of(const struct choice *choice)
{
    json_t *offers = json_array();
    for (int i = 0; i < choice->n; i++) {
        const struct candidate *c = choice->items[i];
        lp_auto_buf struct lp_buf x = LP_BUF_INIT(ROW_BYTES);
        if (!c->is_new)
            continue;
        numbers_write(c->x, BANDIT_D, &x);
        json_array_append_new(offers, lp_json_make("{s:s,s:i,s:f,s:s}", "item", c->id, "place",
                                                   c->facts.place, "propensity", c->propensity, "x",
                                                   x.ptr));
    }
    return offers;
}

int learner_log(struct lp_db *db, const char *learner, enum policy policy, const char *arm,
                const struct choice *choice, struct lp_error *err)
{
    lp_auto_buf struct lp_buf mean = LP_BUF_INIT(ROW_BYTES);
    lp_auto_buf struct lp_buf first = LP_BUF_INIT(ROW_BYTES);
    char fresh[12], slots[12];
    json_auto_t *offers = offers_of(choice);

    if (json_array_size(offers) == 0)
        return 0;
    numbers_write(choice->mean_x, BANDIT_D, &mean);
    numbers_write(choice->first_x, BANDIT_D, &first);
    snprintf(fresh, sizeof fresh, "%d", choice->fresh);
    snprintf(slots, sizeof slots, "%d", choice->slots);
    lp_auto_free char *text = json_dumps(offers, JSON_COMPACT);
    const char *params[] = { learner, policy_names[policy], arm, fresh, slots, mean.ptr, first.ptr,
                             text };
    return lp_rows_run(db, &log_choice, params, NULL, err);
}

int learner_reset(struct lp_db *db, const char *learner, unsigned long *ret_n, struct lp_error *err)
{
    return lp_rows_run(db, learner ? &reset : &reset_all, &learner, ret_n, err);
}

int learners_logged(struct lp_db *db, int days, struct logged **ret_rows, int *ret_n,
                    struct lp_error *err)
{
    char text[12];
    PGresult *rows = NULL;
    int n = 0;
    snprintf(text, sizeof text, "%d", days);
    int r = lp_db_run(db, &read_logged, (const char *[]){ text }, &rows, err);
    if (r < 0)
        return r;
    struct logged *to = lp_calloc((size_t)PQntuples(rows) + 1, sizeof *to);
    for (int i = 0; i < PQntuples(rows); i++) {
        to[n] = (struct logged){ .reward = real(rows, i, 1),
                                 .propensity = real(rows, i, 2),
                                 .place = (int)lp_rows_number(rows, i, 3),
                                 .slots = (int)lp_rows_number(rows, i, 4),
                                 .fresh = (int)lp_rows_number(rows, i, 5) };
        n += numbers_read(lp_rows_text(rows, i, 0), BANDIT_D, to[n].x) &&
             numbers_read(lp_rows_text(rows, i, 6), BANDIT_D, to[n].mean_x) &&
             numbers_read(lp_rows_text(rows, i, 7), BANDIT_D, to[n].first_x);
    }
    PQclear(rows);
    *ret_rows = to;
    *ret_n = n;
    return 0;
}

int learners_purge(struct lp_db *db, struct lp_error *err)
{
    char days[12], batch[12];
    unsigned long n = PURGE_BATCH;
    int r = 0;
    snprintf(days, sizeof days, "%d", LEARNERS_LOG_DAYS);
    snprintf(batch, sizeof batch, "%d", PURGE_BATCH);
    for (int i = 0; r == 0 && n == PURGE_BATCH && i < PURGE_BATCHES; i++)
        r = lp_rows_run(db, &purge_log, (const char *[]){ days, batch }, &n, err);
    return r;
}
