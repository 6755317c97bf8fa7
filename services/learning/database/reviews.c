/*
 * services/learning/database/reviews.c -- read, compute, write: the write names the version (xmin)
 * of the learner's row that was read, and does nothing where there is another by now (a review, a
 * new beginning) or none (an erasure); then all begins anew. No lock is held in between. No state.
 */
#include "services/learning/database/reviews.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "postgres/rows.h"
#include "services/learning/database/numbers.h"
#include "services/learning/recommend/features.h"
#include "services/learning/recommend/forgetting.h"

#define TRIES 32 /* one of those who write at the same moment gets through each time */

/* One row, whether or not there is a learner or a state. */
static const struct lp_db_statement read_state = {
    "read_state",
    "SELECT l.xmin::text, s.difficulty, s.stability, s.stage, s.step, s.last_ms,"
    " s.due_ms, coalesce(s.reviews, 0), coalesce(l.level, 1),"
    " CASE WHEN l.bandit_model = '" BANDIT_MODEL "' THEN l.bandit END, o.decision, o.x,"
    " (SELECT level FROM items WHERE id = $2),"
    " CASE WHEN l.forgetting_model = '" FORGETTING_MODEL
    "' THEN l.forgetting END, CASE WHEN s.learner IS NULL THEN 0 ELSE " RECALLED_OF
    " END FROM (SELECT $1::text AS learner) q"
    " LEFT JOIN learners l USING (learner)"
    " LEFT JOIN states s ON s.learner = q.learner AND s.item_id = $2"
    " LEFT JOIN LATERAL (SELECT o.decision, o.x FROM offers o JOIN decisions d ON d.id = o.decision"
    "  WHERE o.learner = q.learner AND o.item_id = $2 AND o.reward IS NULL"
    "  AND d.model = '" BANDIT_MODEL "' ORDER BY o.decision DESC LIMIT 1) o ON true",
    2, true
};

static const struct lp_db_statement read_reviews = {
    "read_reviews",
    "SELECT rating, at_ms FROM reviews WHERE learner = $1 AND item_id = $2 ORDER BY at_ms, id", 2,
    true
};

static const struct lp_db_statement write_review = {
    "write_review",
    "WITH first AS (INSERT INTO learners (learner, reviews, day, day_ms, level, bandit,"
    "   bandit_model, last_item)"
    "  SELECT $1, 1, $14::int, $6::bigint, $17::float8, $18::text, '" BANDIT_MODEL "', $21::text"
    "  WHERE $8::text IS NULL ON CONFLICT DO NOTHING RETURNING 1),"
    " next AS (UPDATE learners SET reviews = reviews + 1, day = greatest(day, $14::int),"
    "   level = $17::float8, last_item = coalesce($21::text, last_item),"
    "   bandit = coalesce($18::text, bandit),"
    "   bandit_model = CASE WHEN $18::text IS NULL THEN bandit_model"
    "    ELSE '" BANDIT_MODEL "' END,"
    "   forgetting = coalesce($22::text, forgetting), forgetting_model = CASE WHEN $22::text"
    "    IS NULL THEN forgetting_model ELSE '" FORGETTING_MODEL "' END,"
    "   day_ms = CASE WHEN day = $14::int THEN day_ms + $6::bigint"
    "    WHEN day < $14::int THEN $6::bigint ELSE day_ms END"
    "  WHERE learner = $1 AND xmin::text = $8::text RETURNING 1),"
    " l AS (SELECT 1 FROM first UNION ALL SELECT 1 FROM next),"
    " s AS (INSERT INTO states AS s (learner, item_id, difficulty, stability, stage, step,"
    "  last_ms, due_ms, reviews, model, ratings, recalled)"
    "  SELECT $1, $2, $9::float8, $10::float8, $11::smallint, $12::smallint, $15::bigint,"
    "   $13::bigint, 1, $16, $4::smallint, ($4::smallint > 1)::int FROM l"
    "  ON CONFLICT (learner, item_id) DO UPDATE SET difficulty = excluded.difficulty,"
    "   stability = excluded.stability, stage = excluded.stage, step = excluded.step,"
    "   last_ms = excluded.last_ms, due_ms = excluded.due_ms, model = excluded.model,"
    "   reviews = s.reviews + 1, ratings = s.ratings + excluded.ratings,"
    "   recalled = " RECALLED_OF " + excluded.recalled),"
    " o AS (UPDATE offers SET reward = $20::float8 WHERE decision = $19::bigint"
    "  AND item_id = $2 AND EXISTS (SELECT FROM l))"
    "INSERT INTO reviews (learner, item_id, key, rating, at_ms, duration_ms, predicted, model)"
    " SELECT $1, $2, $3, $4::smallint, $5::bigint, $6::int, $7::float8, $16 FROM l",
    22, false
};

static const struct lp_db_statement find_review = {
    "find_review", "SELECT item_id FROM reviews WHERE learner = $1 AND key = $2", 2, true
};

static const struct lp_db_statement export_all = {
    "export_all",
    "SELECT jsonb_build_object('userId', $1::text, 'states', coalesce((SELECT jsonb_agg("
    "jsonb_build_object('itemId', item_id, 'difficulty', difficulty, 'stability', stability,"
    " 'lastMs', last_ms, 'dueMs', due_ms, 'reviews', reviews, 'recalled', " RECALLED_OF
    ", 'model', model) ORDER BY item_id) FROM states s WHERE learner = $1), '[]'), 'reviews', "
    "coalesce((SELECT"
    " jsonb_agg(jsonb_build_object('itemId', item_id, 'rating', rating, 'atMs', at_ms,"
    " 'durationMs', duration_ms) ORDER BY id) FROM reviews WHERE learner = $1), '[]'),"
    " 'model', (SELECT jsonb_build_object('level', level, 'lastItemId', last_item, 'day', day,"
    " 'dayMs', day_ms, 'bandit', CASE WHEN bandit IS NOT NULL THEN jsonb_build_object('model',"
    " bandit_model, 'numbers', string_to_array(bandit, ' ')::float8[]) END, 'forgetting',"
    " CASE WHEN forgetting IS NOT NULL THEN jsonb_build_object('model', forgetting_model,"
    " 'numbers', string_to_array(forgetting, ' ')::float8[]) END) FROM learners"
    " WHERE learner = $1), 'offers', coalesce((SELECT jsonb_agg(jsonb_build_object('itemId',"
    " o.item_id, 'at', " LP_ROWS_TIME(
        "d.at") ", 'policy', d.policy, 'arm', d.arm, 'propensity',"
                " o.propensity, 'reward', o.reward) ORDER BY o.decision, o.place) FROM offers o"
                " JOIN decisions d ON d.id = o.decision WHERE d.learner = $1), '[]'))",
    1, true
};

static const struct lp_db_statement erase = { "erase", "SELECT erase_learner($1)", 1, true };

/* What the database has of the learner and the item. */
struct before {
    char version[24]; /* of the learner's row, "" where there is none */
    long long item_reviews, item_recalled;
    struct fsrs_state state;
    double level;       /* of the learner */
    int item_level;     /* 0: no such item */
    char decision[24];  /* that offered the item as new, "" where none did */
    double x[BANDIT_D]; /* of that offer */
    struct bandit bandit;
    struct forgetting forgetting;
};

static double real(const PGresult *row, int column)
{
    const char *text = lp_rows_text(row, 0, column);
    return text ? strtod(text, NULL) : 0;
}

static int read_before(struct lp_db *db, const struct review *r, struct before *ret_before,
                       struct lp_error *err)
{
    PGresult *row = NULL;
    int code = lp_rows_first(db, &read_state, (const char *[]){ r->learner, r->item },
                             LP_E_INTERNAL, &row, err);
    if (code < 0)
        return code;
    double packed[BANDIT_PACKED], stored[FORGETTING_NUMBERS];
    *ret_before = (struct before){
        .item_reviews = lp_rows_number(row, 0, 7),
        .item_recalled = lp_rows_number(row, 0, 14),
        .state = {
            .difficulty = real(row, 1),
            .stability = real(row, 2),
            .stage = (enum fsrs_stage)lp_rows_number(row, 0, 3),
            .step = (int)lp_rows_number(row, 0, 4),
            .last_ms = lp_rows_number(row, 0, 5),
            .due_ms = lp_rows_number(row, 0, 6),
        },
        .level = real(row, 8),
        .item_level = (int)lp_rows_number(row, 0, 12),
    };
    if (lp_rows_text(row, 0, 0))
        snprintf(ret_before->version, sizeof ret_before->version, "%s", lp_rows_text(row, 0, 0));
    if (numbers_read(lp_rows_text(row, 0, 11), BANDIT_D, ret_before->x))
        snprintf(ret_before->decision, sizeof ret_before->decision, "%s", lp_rows_text(row, 0, 10));
    if (numbers_read(lp_rows_text(row, 0, 9), BANDIT_PACKED, packed))
        bandit_unpack(packed, &ret_before->bandit);
    else
        bandit_init(&ret_before->bandit);
    if (numbers_read(lp_rows_text(row, 0, 13), FORGETTING_NUMBERS, stored))
        forgetting_unpack(stored, &ret_before->forgetting);
    PQclear(row);
    return 0;
}

/* The state after all reviews of the item, and `late` at its place among them. */
static int replay(struct lp_db *db, const struct fsrs *model, const struct review *late,
                  struct fsrs_state *ret_state, struct lp_error *err)
{
    const char *const of[] = { late->learner, late->item };
    struct fsrs_state state = { 0 };
    PGresult *rows = NULL;
    bool placed = false;
    int r = lp_db_run(db, &read_reviews, of, &rows, err);
    if (r < 0)
        return r;
    for (int i = 0; i < PQntuples(rows); i++) {
        int64_t at_ms = lp_rows_number(rows, i, 1);
        if (!placed && late->at_ms < at_ms) {
            fsrs_review(model, &state, late->rating, late->at_ms);
            placed = true;
        }
        fsrs_review(model, &state, (enum fsrs_rating)lp_rows_number(rows, i, 0), at_ms);
    }
    if (!placed)
        fsrs_review(model, &state, late->rating, late->at_ms);
    PQclear(rows);
    *ret_state = state;
    return 0;
}

/* The item as the answer found it. */
static struct forgetting_item item_before(const struct fsrs *model, const struct review *r,
                                          const struct before *before)
{
    double days = (double)(r->at_ms - before->state.last_ms) / FSRS_DAY_MS;
    return (struct forgetting_item){ .recall = fsrs_recall(model, before->state.stability, days),
                                     .days = days,
                                     .seen = (int)before->item_reviews,
                                     .recalled = (int)before->item_recalled };
}

static int follow(struct lp_db *db, const struct fsrs *model, const struct review *r,
                  const struct before *before, struct reviewed *ret, struct lp_error *err)
{
    bool late = before->item_reviews > 0 && r->at_ms < before->state.last_ms;
    *ret = (struct reviewed){
        .state = before->state, .predicted = -1, .foretold = -1, .reviews = before->item_reviews + 1
    };
    snprintf(ret->item, sizeof ret->item, "%s", r->item);
    if (before->item_reviews > 0 && !late) {
        struct forgetting_item item = item_before(model, r, before);
        ret->predicted = item.recall;
        ret->foretold = forgetting_recall(&before->forgetting, &item);
    }
    if (before->item_reviews >= REVIEWS_OF_ITEM)
        return lp_error_set(err, LP_E_TOO_LARGE, "%d reviews of this item are there, the most",
                            REVIEWS_OF_ITEM);
    if (late)
        return replay(db, model, r, &ret->state, err);
    fsrs_review(model, &ret->state, r->rating, r->at_ms);
    return 0;
}

/* What the answer teaches about the learner: their level by the first answer to an item, and the
 * bandit's new state, as text, where the item had been offered as new. */
static double learn(const struct review *r, const struct before *before, struct lp_buf *ret_bandit)
{
    double packed[BANDIT_PACKED];
    struct bandit bandit = before->bandit;

    if (r->is_inferred)
        return before->level;
    if (before->decision[0]) {
        bandit_learn(&bandit, before->x, features_reward((int)r->rating));
        bandit_pack(&bandit, packed);
        numbers_write(packed, BANDIT_PACKED, ret_bandit);
    }
    return before->item_reviews == 0 && before->item_level > 0
               ? features_level(before->level, before->item_level, r->rating != FSRS_AGAIN)
               : before->level;
}

/* What an answer on a later day says of how the learner forgets; one of the same day says next to
 * nothing. As text; nothing where nothing is learned. */
static void learn_forgetting(const struct fsrs *model, const struct review *r,
                             const struct before *before, struct lp_buf *ret_text)
{
    struct forgetting f = before->forgetting;
    double packed[FORGETTING_NUMBERS];

    if (r->is_inferred || before->item_reviews == 0 ||
        r->at_ms - before->state.last_ms < FORGETTING_AFTER_MS)
        return;
    struct forgetting_item item = item_before(model, r, before);
    forgetting_learn(&f, &item, r->rating != FSRS_AGAIN);
    forgetting_pack(&f, packed);
    numbers_write(packed, FORGETTING_NUMBERS, ret_text);
}

/* *ret_written: false where somebody else wrote meanwhile. */
static int store(struct lp_db *db, const struct fsrs *model, const struct review *r,
                 const struct before *before, const struct reviewed *now, bool *ret_written,
                 struct lp_error *err)
{
    lp_auto_buf struct lp_buf bandit = LP_BUF_INIT((size_t)BANDIT_PACKED * 24);
    lp_auto_buf struct lp_buf learned = LP_BUF_INIT((size_t)FORGETTING_NUMBERS * 24);
    char text[13][40];
    const struct fsrs_state *s = &now->state;
    unsigned long n = 0;

    learn_forgetting(model, r, before, &learned);
    snprintf(text[0], sizeof *text, "%d", (int)r->rating);
    snprintf(text[1], sizeof *text, "%lld", (long long)r->at_ms);
    snprintf(text[2], sizeof *text, "%lld", (long long)r->duration_ms);
    snprintf(text[3], sizeof *text, "%.17g", now->predicted);
    snprintf(text[4], sizeof *text, "%.17g", s->difficulty);
    snprintf(text[5], sizeof *text, "%.17g", s->stability);
    snprintf(text[6], sizeof *text, "%d", (int)s->stage);
    snprintf(text[7], sizeof *text, "%d", s->step);
    snprintf(text[8], sizeof *text, "%lld", (long long)s->due_ms);
    snprintf(text[9], sizeof *text, "%lld", (long long)(r->at_ms / FSRS_DAY_MS));
    snprintf(text[10], sizeof *text, "%lld", (long long)s->last_ms);
    snprintf(text[11], sizeof *text, "%.17g", learn(r, before, &bandit));
    snprintf(text[12], sizeof *text, "%.17g", features_reward((int)r->rating));
    const char *version = before->version[0] ? before->version : NULL;
    const char *offer = before->decision[0] && !r->is_inferred ? before->decision : NULL;
    const char *posterior = bandit.len > 0 ? bandit.ptr : NULL;
    const char *answered = r->is_inferred ? NULL : r->item;
    const char *forgetting = learned.len > 0 ? learned.ptr : NULL;
    const char *params[] = { r->learner, r->item,  r->key,   text[0],    text[1],  text[2],
                             text[3],    version,  text[4],  text[5],    text[6],  text[7],
                             text[8],    text[9],  text[10], FSRS_MODEL, text[11], posterior,
                             offer,      text[12], answered, forgetting };
    int code = lp_rows_run(db, &write_review, params, &n, err);
    *ret_written = code == 0 && n > 0;
    return code;
}

static int try_once(struct lp_db *db, const struct fsrs *model, const struct review *r,
                    struct reviewed *ret, bool *ret_written, struct lp_error *err)
{
    struct before before = { 0 };
    *ret_written = false;
    int code = read_before(db, r, &before, err);
    if (code == 0)
        code = follow(db, model, r, &before, ret, err);
    if (code == 0)
        code = store(db, model, r, &before, ret, ret_written, err);
    return code;
}

/* The key was there: the state of now is told, of the item that it was for. */
static int repeat(struct lp_db *db, const struct review *r, struct reviewed *ret,
                  struct lp_error *err)
{
    struct before before = { 0 };
    struct review first = *r;
    *ret = (struct reviewed){ .predicted = -1, .foretold = -1, .repeated = true };
    int code = lp_rows_value(db, &find_review, (const char *[]){ r->learner, r->key }, ret->item,
                             sizeof ret->item, err);
    if (code < 0)
        return code;
    first.item = ret->item;
    code = read_before(db, &first, &before, err);
    ret->state = before.state;
    ret->reviews = before.item_reviews;
    return code;
}

int reviews_add(struct lp_db *db, const struct fsrs *model, const struct review *review,
                struct reviewed *ret_reviewed, struct lp_error *err)
{
    bool written = false;
    for (int i = 0; i < TRIES && !written; i++) {
        int r = try_once(db, model, review, ret_reviewed, &written, err);
        if (r == LP_E_EXISTS)
            return repeat(db, review, ret_reviewed, err);
        if (r < 0 && r != LP_E_CONFLICT)
            return r;
    }
    return written ? 0
                   : lp_error_set(err, LP_E_UNAVAILABLE,
                                  "too many reviews of the learner at the same moment");
}

int reviews_export(struct lp_db *db, const char *learner, struct lp_buf *ret_json,
                   struct lp_error *err)
{
    PGresult *row = NULL;
    int r = lp_rows_first(db, &export_all, &learner, LP_E_INTERNAL, &row, err);
    if (r < 0)
        return r;
    lp_buf_str(ret_json, lp_rows_text(row, 0, 0));
    PQclear(row);
    return ret_json->overflowed
               ? lp_error_set(err, LP_E_TOO_LARGE, "export: more than %zu bytes", ret_json->max)
               : 0;
}

int reviews_erase(struct lp_db *db, const char *learner, unsigned long *ret_n, struct lp_error *err)
{
    char n[24];
    int r = lp_rows_value(db, &erase, &learner, n, sizeof n, err);
    if (r == 0)
        *ret_n = strtoul(n, NULL, 10);
    return r;
}
