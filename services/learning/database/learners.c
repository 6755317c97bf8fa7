/* services/learning/database/learners.c -- see learners.h. No state. */
#include "services/learning/database/learners.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "postgres/rows.h"
#include "services/learning/database/numbers.h"
#include "services/learning/database/reviews.h"

#define PURGE_BATCH 2000 /* decisions of one statement, each with up to CHOOSE_MOST offers */
#define PURGE_BATCHES 100

static const struct lp_db_statement read_learner = {
    "read_learner",
    "SELECT coalesce(l.level, 1), CASE WHEN l.bandit_model = '" BANDIT_MODEL "' THEN l.bandit END,"
    " CASE WHEN l.day = $2::int THEN l.day_ms ELSE 0 END, i.phrase,"
    " CASE WHEN l.forgetting_model = '" FORGETTING_MODEL "' THEN l.forgetting END,"
    " (SELECT count(*) FROM states WHERE learner = $1 AND due_ms <= $3::bigint)"
    " FROM (SELECT $1::text AS learner) q LEFT JOIN learners l USING (learner)"
    " LEFT JOIN items i ON i.id = l.last_item",
    3, true
};

#define TEXT_OF(n) TEXT(n)
#define TEXT(n) #n
/* Limits are part of the text: as parameters they are guessed wrong. */
#define LIMIT_OF(n) " LIMIT " TEXT_OF(n)
#define REVIEW_COLUMNS                                                             \
    "s.item_id, i.class, i.level, i.seconds, i.phrase, s.difficulty, s.stability," \
    " s.stage, s.step, s.last_ms, s.due_ms, s.reviews, " RECALLED_OF
/* What choose() would leave out is left here: it would take the place of others. */
#define RIPE " s.learner = $1 AND (s.due_ms <= $2::bigint OR s.last_ms <= $3::bigint)"
#define OF_ITEMS " JOIN items i ON i.id = s.item_id AND NOT i.deleted"
#define REVIEWS "SELECT " REVIEW_COLUMNS " FROM states s" OF_ITEMS " WHERE" RIPE
#define BY_DUE " AND s.due_ms <= $4::bigint ORDER BY s.due_ms"

static const struct lp_db_statement read_due = { "read_due", REVIEWS BY_DUE LIMIT_OF(CHOOSE_DUE), 4,
                                                 true };

/* Before an exam, when any may come: those due first, and of the next ones, by what shows before
 * the item is looked up, which is what each costs, those that were practised longest ago; of who is
 * believed to forget exponentially (forgetting_exponential over a half) those of which it is least
 * known whether they are recalled, as the others are safe or lost there. */
#define DUE_FIRST 20
#define DUE_NEXT 220
#define DUE_OF_NEXT 60
/* clang-format off */
#define LEARNED "split_part(forgetting, ' ', " TEXT_OF(FORGETTING_NUMBERS) ")"
/* As numbers_write has it; what is no number counts as nothing known (forgetting_unpack). */
#define A_NUMBER " ~ '^-?[0-9]{1,20}([.][0-9]{1,20})?(e[-+]?[0-9]{1,2})?$'"
#define IS_EXPONENTIAL /* once for all rows; forgetting_pack puts `for_exponential` last */       \
    "(SELECT coalesce((SELECT CASE WHEN " LEARNED A_NUMBER " THEN " LEARNED "::float8 > "        \
    TEXT_OF(FORGETTING_DOUBT) " / " TEXT_OF(FORGETTING_WEIGHT) " END"                            \
    " FROM learners WHERE learner = $1"                                                          \
    " AND forgetting_model = '" FORGETTING_MODEL "'), false))"
/* Recall is 0.9 after `stability` days; far beyond, a power would be an error, too small. */
#define DOUBT "abs(0.5 - 0.9::float8 ^ least(1000, ($2::bigint - s.last_ms)"                      \
    " / 86400000::float8 / greatest(s.stability, 0.001)))"
#define TURN "CASE WHEN " IS_EXPONENTIAL " THEN " DOUBT " ELSE s.last_ms END"
static const struct lp_db_statement read_ahead = {
    "read_ahead",
    "WITH first AS MATERIALIZED (" REVIEWS BY_DUE LIMIT_OF(DUE_FIRST) ") SELECT * FROM first"
    " UNION ALL (SELECT " REVIEW_COLUMNS " FROM (SELECT *, " TURN " AS turn FROM"
    "   (SELECT * FROM states s WHERE" RIPE " AND s.due_ms >= (SELECT max(due_ms) FROM first)"
    "     AND s.item_id NOT IN (SELECT item_id FROM first)" /* several may be due at the same ms */
    BY_DUE LIMIT_OF(DUE_NEXT) ") s ORDER BY turn, stability) s" OF_ITEMS
    "  ORDER BY s.turn, s.stability" LIMIT_OF(DUE_OF_NEXT) ")",
    4, true
};
/* clang-format on */

static const struct lp_db_statement read_lowest = {
    "read_lowest",
    "SELECT " REVIEW_COLUMNS ", s.ratings::float8 / s.reviews FROM states s" OF_ITEMS " WHERE" RIPE
    " ORDER BY 14, s.due_ms" LIMIT_OF(CHOOSE_DUE),
    3, true
};

/* By the index on level and rank: so many of each level, more of those near. A prerequisite that
 * was deleted holds up nothing. */
static const struct lp_db_statement read_fresh = {
    "read_fresh",
    "SELECT i.id, i.class, i.level, i.seconds, i.phrase, cardinality(i.prerequisites),"
    " CASE WHEN cardinality(i.confusables) = 0 THEN 0 ELSE (SELECT count(*) FROM states s"
    "  WHERE s.learner = $1 AND s.item_id = ANY (i.confusables) AND s.stability < 21) END"
    " FROM (SELECT n AS level, abs(n - l.near) AS far FROM generate_series(1, 6) n,"
    "  (SELECT floor(coalesce((SELECT level FROM learners WHERE learner = $1), 1) + 0.5)::int"
    "   AS near OFFSET 0) l) v,"
    " LATERAL (SELECT * FROM items i WHERE NOT i.deleted AND i.level = v.level"
    "  AND NOT EXISTS (SELECT FROM states s WHERE s.learner = $1 AND s.item_id = i.id)"
    "  AND (cardinality(i.prerequisites) = 0 OR NOT EXISTS (SELECT FROM"
    "   unnest(i.prerequisites) p JOIN items b ON b.id = p AND NOT b.deleted"
    "   WHERE NOT EXISTS (SELECT FROM states s WHERE s.learner = $1"
    "    AND s.item_id = p AND s.stability >= 1)))"
    "  ORDER BY i.rank, i.id LIMIT CASE v.far WHEN 0 THEN 32 WHEN 1 THEN 16 ELSE 8 END) i"
    " ORDER BY v.far, i.rank, i.id" LIMIT_OF(CHOOSE_FRESH),
    1, true
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
    " SELECT d.id, $1, o.item, o.place, o.propensity, o.x FROM d, unnest($8::text[], $9::int[],"
    "  $10::float8[], $11::text[]) AS o(item, place, propensity, x)",
    11, false
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

static void take_learner(const PGresult *row, struct learner *ret)
{
    double packed[BANDIT_PACKED], stored[FORGETTING_NUMBERS];

    *ret = (struct learner){ .level = lp_rows_real(row, 0, 0),
                             .day_ms = lp_rows_number(row, 0, 2),
                             .last_phrase = lp_strdup(lp_rows_text(row, 0, 3)) };
    if (numbers_read(lp_rows_text(row, 0, 1), BANDIT_PACKED, packed))
        bandit_unpack(packed, &ret->bandit);
    else
        bandit_init(&ret->bandit);
    if (numbers_read(lp_rows_text(row, 0, 4), FORGETTING_NUMBERS, stored))
        forgetting_unpack(stored, &ret->forgetting);
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

static void take_reviews(PGresult *rows, struct candidates *c)
{
    c->rows[0] = rows;
    for (c->n_due = 0; c->n_due < PQntuples(rows) && c->n_due < CHOOSE_DUE; c->n_due++) {
        int row = c->n_due;
        struct candidate *to = &c->due[row];
        *to = read_item(rows, row);
        to->state = (struct fsrs_state){
            .difficulty = lp_rows_real(rows, row, 5),
            .stability = lp_rows_real(rows, row, 6),
            .stage = (enum fsrs_stage)lp_rows_number(rows, row, 7),
            .step = (int)lp_rows_number(rows, row, 8),
            .last_ms = lp_rows_number(rows, row, 9),
            .due_ms = lp_rows_number(rows, row, 10),
        };
        to->seen = (int)lp_rows_number(rows, row, 11);
        to->recalled = (int)lp_rows_number(rows, row, 12);
        to->average = lp_rows_real(rows, row, 13);
    }
}

static void take_fresh(PGresult *rows, struct candidates *c)
{
    c->rows[1] = rows;
    for (c->n_fresh = 0; c->n_fresh < PQntuples(rows) && c->n_fresh < CHOOSE_FRESH; c->n_fresh++) {
        struct candidate *to = &c->fresh[c->n_fresh];
        *to = read_item(rows, c->n_fresh);
        to->is_new = true;
        to->facts.builds = lp_rows_number(rows, c->n_fresh, 5) > 0;
        to->facts.confusables = (int)lp_rows_number(rows, c->n_fresh, 6);
    }
}

static const struct lp_db_statement *reviews_of(const struct wanted *w)
{
    if (w->policy == POLICY_LOWEST_AVERAGE)
        return &read_lowest;
    return w->policy == POLICY_BANDIT && w->fresh ? &read_ahead : &read_due;
}

/* Counted among the candidates where all that are due are there, which leaves out items that were
 * deleted; else `counted`. */
static int64_t count_due(const struct wanted *w, const struct candidates *c, int64_t counted)
{
    const struct lp_db_statement *of = reviews_of(w);
    int64_t n = 0, first = of == &read_ahead ? DUE_FIRST : CHOOSE_DUE;
    for (int i = 0; i < c->n_due; i++)
        n += c->due[i].state.due_ms <= w->now_ms;
    return (of == &read_lowest ? c->n_due : n) < first ? n : counted;
}

static void write_ms(int64_t ms, char ret_text[24])
{
    snprintf(ret_text, 24, "%lld", (long long)ms);
}

int candidates_read(struct lp_db *db, const struct wanted *w, struct learner *ret_learner,
                    struct candidates *ret, struct lp_error *err)
{
    char day[24], now[24], rested[24], until[24];
    PGresult *results[3] = { 0 };

    write_ms(w->now_ms / FSRS_DAY_MS, day);
    write_ms(w->now_ms, now);
    write_ms(w->now_ms - CHOOSE_REST_MS, rested);
    write_ms(w->until_ms, until);
    const char *const about[] = { w->learner, day, now };
    const char *const which[] = { w->learner, now, rested, until };
    const struct lp_db_call calls[] = { { &read_learner, about, true },
                                        { reviews_of(w), which, true },
                                        { &read_fresh, &w->learner, true } };
    int r = lp_db_run_all(db, calls, w->fresh ? 3 : 2, results, err);
    if (r < 0)
        return r;
    take_learner(results[0], ret_learner);
    take_reviews(results[1], ret);
    if (w->fresh)
        take_fresh(results[2], ret);
    ret_learner->due = count_due(w, ret, lp_rows_number(results[0], 0, 5));
    PQclear(results[0]);
    return 0;
}

int candidates_new(struct lp_db *db, const char *learner, struct candidates *ret,
                   struct lp_error *err)
{
    const struct lp_db_call call = { &read_fresh, &learner, true };
    PGresult *rows = NULL;
    int r = lp_db_run_all(db, &call, 1, &rows, err);
    if (r == 0)
        take_fresh(rows, ret);
    return r;
}

#define ROW_BYTES ((size_t)BANDIT_D * 24)

/* What is offered as new, as arrays of PostgreSQL (8.15.2), which it takes apart faster than JSON.
 */
struct offers {
    struct lp_buf items, places, propensities, xs;
    int n;
};

static void write_text(const char *text, struct lp_buf *b)
{
    lp_buf_char(b, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            lp_buf_char(b, '\\');
        lp_buf_char(b, *text);
    }
    lp_buf_char(b, '"');
}

static void add_offer(const struct candidate *c, struct offers *o)
{
    const char *before = o->n++ > 0 ? "," : "{";

    lp_buf_str(&o->items, before);
    write_text(c->id, &o->items);
    lp_buf_printf(&o->places, "%s%d", before, c->facts.place);
    lp_buf_printf(&o->propensities, "%s%.17g", before, c->propensity);
    lp_buf_str(&o->xs, before);
    lp_buf_char(&o->xs, '"');
    numbers_write(c->x, BANDIT_D, &o->xs);
    lp_buf_char(&o->xs, '"');
}

static void offers_of(const struct choice *choice, struct offers *o)
{
    for (int i = 0; i < choice->n; i++)
        if (choice->items[i]->is_new)
            add_offer(choice->items[i], o);
    lp_buf_char(&o->items, '}');
    lp_buf_char(&o->places, '}');
    lp_buf_char(&o->propensities, '}');
    lp_buf_char(&o->xs, '}');
}

static int log_offers(struct lp_db *db, const char *learner, enum policy policy, const char *arm,
                      const struct choice *choice, const struct offers *o, struct lp_error *err)
{
    lp_auto_buf struct lp_buf mean = LP_BUF_INIT(ROW_BYTES);
    lp_auto_buf struct lp_buf first = LP_BUF_INIT(ROW_BYTES);
    char fresh[12], slots[12];

    numbers_write(choice->mean_x, BANDIT_D, &mean);
    numbers_write(choice->first_x, BANDIT_D, &first);
    snprintf(fresh, sizeof fresh, "%d", choice->fresh);
    snprintf(slots, sizeof slots, "%d", choice->slots);
    const char *params[] = { learner,       policy_names[policy],
                             arm,           fresh,
                             slots,         mean.ptr,
                             first.ptr,     o->items.ptr,
                             o->places.ptr, o->propensities.ptr,
                             o->xs.ptr };
    return lp_rows_run(db, &log_choice, params, NULL, err);
}

int learner_log(struct lp_db *db, const char *learner, enum policy policy, const char *arm,
                const struct choice *choice, struct lp_error *err)
{
    const size_t limit = CHOOSE_MOST * ROW_BYTES;
    struct offers o = { .items = LP_BUF_INIT(limit),
                        .places = LP_BUF_INIT(limit),
                        .propensities = LP_BUF_INIT(limit),
                        .xs = LP_BUF_INIT(limit) };
    offers_of(choice, &o);
    int r = o.n > 0 ? log_offers(db, learner, policy, arm, choice, &o, err) : 0;
    lp_buf_done(&o.items);
    lp_buf_done(&o.places);
    lp_buf_done(&o.propensities);
    lp_buf_done(&o.xs);
    return r;
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
        to[n] = (struct logged){ .reward = lp_rows_real(rows, i, 1),
                                 .propensity = lp_rows_real(rows, i, 2),
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
