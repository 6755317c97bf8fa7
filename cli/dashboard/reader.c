/*
 * Looks at the cluster again and again, once for all tabs. A look that fails is shown as such, and
 * the next one comes all the same.
 *
 * Threads: one, `reader_main`, the only one that uses the connection's client.
 */
#include "cli/dashboard/reader.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cli/dashboard/detail.h"
#include "cli/dashboard/overview.h"
#include "json/json.h"

#define ALONE_MS 15000  /* between two looks while no tab is there */
#define DETAIL_MS 10000 /* between two looks at what a platform alone has */

struct reader {
    pthread_t thread;
    struct board *board;
    struct lp_stop *stop;
    struct overview overview;
    int64_t interval_ms, detail_ms; /* detail: when the details were read last */
};

static const json_t *platform_of(const json_t *platforms, const char *key)
{
    const json_t *p;
    size_t i;

    json_array_foreach(platforms, i, p)
    {
        const char *ns = lp_json_str(p, "metadata", "namespace", NULL);
        const char *name = lp_json_str(p, "metadata", "name", NULL);
        lp_auto_free char *own = lp_sprintf("%s/%s", ns ? ns : "", name ? name : "");
        if (strcmp(own, key) == 0)
            return p;
    }
    return NULL;
}

static void put(struct reader *r, const char *key, json_t *o)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(BOARD_TEXT);

    lp_json_write_unsorted(o, &text);
    board_put(r->board, key, &text);
    json_decref(o);
}

static void read_details(struct reader *r)
{
    char keys[BOARD_WATCHED][BOARD_KEY];
    bool is_new[BOARD_WATCHED];
    unsigned n = board_watched(r->board, keys, is_new);
    bool due = lp_clock_ms() - r->detail_ms >= DETAIL_MS;

    if (!r->overview.platforms)
        return; /* no look was answered yet */
    for (unsigned i = 0; i < n; i++) {
        const json_t *platform = platform_of(r->overview.platforms, keys[i]);
        if ((due || is_new[i]) && !lp_stop_requested(r->stop))
            put(r, keys[i],
                platform ? detail_read(r->overview.client, platform) : detail_gone(keys[i]));
    }
    if (due)
        r->detail_ms = lp_clock_ms();
}

/* {"<namespace>": {"<name>": true}}, the caller's. */
static json_t *watched_platforms(struct board *board)
{
    char keys[BOARD_WATCHED][BOARD_KEY];
    bool is_new[BOARD_WATCHED];
    unsigned n = board_watched(board, keys, is_new);
    json_t *namespaces = json_object();

    for (unsigned i = 0; i < n; i++) {
        size_t len = strcspn(keys[i], "/");
        json_t *names = json_object_getn(namespaces, keys[i], len);
        if (!names) {
            names = json_object();
            json_object_setn_new(namespaces, keys[i], len, names);
        }
        json_object_set_new(names, keys[i] + len + (keys[i][len] == '/'), json_true());
    }
    return namespaces;
}

static void look(struct reader *r)
{
    json_auto_t *watched = watched_platforms(r->board);

    r->overview.looked_at = watched;
    put(r, NULL, overview_look(&r->overview, lp_clock_wall_ms(), lp_clock_ms()));
    r->overview.looked_at = NULL;
}

static void *reader_main(void *user)
{
    struct reader *r = user;

    while (!lp_stop_requested(r->stop) && !board_ended(r->board, NULL)) {
        look(r);
        read_details(r);
        board_rest(r->board, board_has_tabs(r->board) ? r->interval_ms : ALONE_MS);
    }
    return NULL;
}

int reader_new(const struct connection *connection, const struct cli_options *options,
               struct board *board, struct past *past, struct lp_stop *stop,
               struct reader **ret_reader, struct lp_error *err)
{
    struct reader *r = lp_alloc(sizeof *r);

    r->board = board;
    r->stop = stop;
    r->interval_ms = options->interval_ms;
    r->overview = (struct overview){
        .client = connection->client, .options = options, .ns = connection->ns, .past = past
    };
    if (pthread_create(&r->thread, NULL, reader_main, r) != 0) {
        free(r);
        return lp_error_set(err, LP_E_INTERNAL, "no thread for the dashboard's reader");
    }
    *ret_reader = r;
    return 0;
}

void reader_free(struct reader *r)
{
    if (!r)
        return;
    pthread_join(r->thread, NULL);
    overview_done(&r->overview);
    free(r);
}
