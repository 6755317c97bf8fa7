/*
 * services/ai-worker/speech/recogniser.c -- see recogniser.h.
 *
 * State: the decoder, with the dictionary and the grammar of the recording that it listens to. The
 * library's log is the process's: all but what ends the process is dropped there, as it may hold
 * words.
 */
#include "services/ai-worker/speech/recogniser.h"

#include <malloc.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pocketsphinx.h>
#include <pocketsphinx_internal.h>
#include <ps_alignment_internal.h>
#include <state_align_search.h>
#include <lm/fsg_model.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

#define SLICE 25                /* frames between two looks at the limits */
#define NAT (1024 * 9.9995e-05) /* of a score: 2^SENSCR_SHIFT times ln 1.0001 */
#define ARC_NAME 16

struct recogniser {
    ps_decoder_t *decoder;
};

/* ---- start and end ---- */

__attribute__((format(printf, 3, 4))) static void on_fatal(void *unused, err_lvl_t level,
                                                           const char *fmt, ...)
{
    char text[256];
    va_list ap;

    (void)unused;
    if (level < ERR_FATAL)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    lp_log_error("pocketsphinx ends the process", "error", text);
}

static int check_files(const char *folder, struct lp_error *err)
{
    static const char *const files[] = { "feat.params", "mdef",    "means",
                                         "noisedict",   "sendump", "transition_matrices",
                                         "variances" };

    for (size_t i = 0; i < LP_COUNT(files); i++) {
        lp_auto_free char *path = lp_sprintf("%s/%s", folder, files[i]);
        if (access(path, R_OK) != 0)
            return lp_error_set(err, LP_E_NOT_FOUND,
                                "acoustic model: %s is not there: install pocketsphinx-en-us, or "
                                "set MODEL_DIR",
                                path);
    }
    return 0;
}

static ps_config_t *configure(const char *folder)
{
    ps_config_t *config = ps_config_init(NULL);

    ps_config_set_str(config, "hmm", folder);
    ps_config_set_str(config, "loglevel", "FATAL");
    ps_config_set_bool(config, "fsgusealtpron", false);
    ps_config_set_bool(config, "bestpath", false);
    ps_config_set_int(config, "pl_window", 0);
    ps_config_set_float(config, "lw", 1); /* costs are ours */
    ps_config_set_float(config, "wip", 1);
    ps_config_set_float(config, "pip", 1);
    ps_config_set_float(config, "silprob", 0.1);
    ps_config_set_float(config, "fillprob", 1e-4);
    ps_config_set_float(config, "beam", 1e-60);
    ps_config_set_float(config, "pbeam", 1e-60);
    ps_config_set_float(config, "wbeam", 1e-30);
    /* Sounds that fit nothing keep all states alive: 330 MB for 120 sentences of a word. */
    ps_config_set_int(config, "maxhmmpf", 3000);
    return config;
}

int recogniser_new(const char *folder, struct recogniser **ret_recogniser, struct lp_error *err)
{
    err_set_callback(on_fatal, NULL);
    int r = check_files(folder, err);
    if (r < 0)
        return r;
    ps_config_t *config = configure(folder);
    ps_decoder_t *decoder = ps_init(config);
    bool whole = decoder != NULL;

    if (whole) { /* the free phones are penalised for being short, the grammar's are not */
        ps_config_set_float(config, "pip", exp(-2));
        whole = ps_add_allphone(decoder, "free", NULL) == 0;
        ps_config_set_float(config, "pip", 1);
    }
    ps_config_free(config);
    if (!whole) {
        ps_free(decoder);
        return lp_error_set(err, LP_E_INVALID, "%s is no acoustic model of pocketsphinx", folder);
    }
    decoder->acmod->fcb->cmn =
        CMN_NONE; /* the mean is taken off here, that of the whole recording */
    struct recogniser *recogniser = lp_alloc(sizeof *recogniser);
    recogniser->decoder = decoder;
    *ret_recogniser = recogniser;
    return 0;
}

void recogniser_free(struct recogniser *r)
{
    if (!r)
        return;
    ps_free(r->decoder);
    free(r);
}

void heard_done(struct heard *heard)
{
    free(heard->parts);
    free(heard->aligned);
    free(heard->free);
    *heard = (struct heard){ 0 };
}

/* ---- features, and feeding them to a search ---- */

struct features {
    mfcc_t **rows; /* fe_free_2d */
    int n;
};

/* Less the mean of the frames that are not silent, as the model was trained. */
static void take_off_mean(const struct features *f, int dimension)
{
    for (int c = 0; c < dimension; c++) {
        double sum = 0;
        int n = 0;
        for (int i = 0; i < f->n; i++)
            if (f->rows[i][0] >= 0) {
                sum += f->rows[i][c];
                n++;
            }
        for (int i = 0; i < f->n && n > 0; i++)
            f->rows[i][c] -= (mfcc_t)(sum / n);
    }
}

static struct features features_of(struct recogniser *r, const int16_t *samples, size_t n)
{
    fe_t *fe = r->decoder->acmod->fe;
    int dimension = fe_get_output_size(fe), rest = 0;
    lp_auto_free mfcc_t *last = lp_calloc((size_t)dimension, sizeof *last);
    struct features f = { 0 };

    fe_start_utt(fe);
    fe_process_utt(fe, samples, n, &f.rows, &f.n);
    fe_end_utt(fe, last, &rest); /* less than a frame: silence of our own padding */
    take_off_mean(&f, dimension);
    return f;
}

static int check_limits(const struct recogniser_limits *limits, struct lp_error *err)
{
    if (lp_stop_requested(limits->stop))
        return lp_error_set(err, LP_E_CANCELED, "stopped while listening");
    if (lp_clock_ms() > limits->deadline_ms)
        return lp_error_set(err, LP_E_TIMEOUT, "the deadline came while listening");
    return 0;
}

/* Runs the search `name`, or the active one where it is NULL, over all. *ret_found is false where
 * it came to no end that counts. */
static int run(struct recogniser *r, const char *name, const struct features *f,
               const struct recogniser_limits *limits, bool *ret_found, struct lp_error *err)
{
    ps_decoder_t *d = r->decoder;
    int result = 0;

    if ((name && ps_activate_search(d, name) < 0) || ps_start_utt(d) < 0)
        return lp_error_set(err, LP_E_INTERNAL, "pocketsphinx does not begin");
    for (int at = 0; at < f->n && result == 0; at += SLICE) {
        int n = f->n - at < SLICE ? f->n - at : SLICE;
        result = check_limits(limits, err);
        if (result == 0 && ps_process_cep(d, f->rows + at, n, false, false) < 0)
            result = lp_error_set(err, LP_E_INTERNAL, "pocketsphinx does not go on");
    }
    *ret_found = ps_end_utt(d) >= 0; /* even where it was stopped: the next begins there */
    return result;
}

/* ---- the grammar ---- */

/* The dictionary has a word for each arc. */
static int load_words(struct recogniser *r, const struct recogniser_grammar *grammar,
                      struct lp_error *err)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT((size_t)RECOGNISER_ARCS * 128);
    lp_auto_fd int fd = memfd_create("dictionary", MFD_CLOEXEC);
    char path[64];

    for (size_t i = 0; i < grammar->n; i++)
        lp_buf_printf(&text, "a%zu %s\n", i, grammar->arcs[i].phones);
    if (text.overflowed)
        return lp_error_set(err, LP_E_INTERNAL, "the grammar has over %zu bytes", text.max);
    if (fd < 0 || write(fd, text.ptr, text.len) != (ssize_t)text.len)
        return lp_error_set(err, LP_E_INTERNAL, "no memory for the dictionary of a recording");
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ps_remove_search(r->decoder, "_state_align");
    ps_remove_search(r->decoder, "text");
    if (ps_load_dict(r->decoder, path, NULL, NULL) < 0)
        return lp_error_set(err, LP_E_INTERNAL, "pocketsphinx does not take the dictionary");
    return 0;
}

static int load_grammar(struct recogniser *r, const struct recogniser_grammar *grammar,
                        struct lp_error *err)
{
    logmath_t *log = ps_get_logmath(r->decoder);
    int result = load_words(r, grammar, err);

    if (result < 0)
        return result;
    fsg_model_t *fsg = fsg_model_init("text", log, 1, (int)grammar->states);
    for (size_t i = 0; i < grammar->n; i++) {
        const struct recogniser_arc *arc = &grammar->arcs[i];
        char name[ARC_NAME];
        snprintf(name, sizeof name, "a%zu", i);
        fsg_model_trans_add(fsg, (int)arc->from, (int)arc->to, logmath_ln_to_log(log, -arc->cost),
                            fsg_model_word_add(fsg, name));
    }
    for (unsigned i = 0; i < grammar->states; i++)
        for (unsigned j = i + 1; j < grammar->states; j++) {
            double cost = grammar->skips[i * grammar->states + j];
            if (cost < RECOGNISER_NEVER)
                fsg_model_null_trans_add(fsg, (int)i, (int)j, logmath_ln_to_log(log, -cost));
        }
    fsg->start_state = 0;
    fsg->final_state = (int)grammar->states - 1;
    if (ps_add_fsg(r->decoder, "text", fsg) < 0)
        result = lp_error_set(err, LP_E_INTERNAL, "pocketsphinx does not take the grammar");
    fsg_model_free(fsg);
    return result;
}

/* ---- results ---- */

static int arc_of(const char *name)
{
    if (*name == 'a')
        return (int)strtol(name + 1, NULL, 10);
    return strcmp(name, "<sil>") == 0 ? HEARD_SILENCE : HEARD_NOISE;
}

/* The parts of the path through the grammar, and the same as words that phones are aligned to. */
static void read_parts(struct recogniser *r, struct heard *heard, ps_alignment_t *words)
{
    for (ps_seg_t *s = ps_seg_iter(r->decoder); s; s = ps_seg_next(s)) {
        int from, to;
        if (s->wid < 0) /* a skip takes no time */
            continue;
        ps_seg_frames(s, &from, &to);
        heard->parts = lp_realloc(heard->parts, (heard->n_parts + 1) * sizeof *heard->parts);
        heard->parts[heard->n_parts++] = (struct heard_part){ .arc = arc_of(ps_seg_word(s)),
                                                              .start = from,
                                                              .frames = to - from + 1 };
        ps_alignment_add_word(words, s->wid, from, to - from + 1);
    }
}

static void add_phone(struct heard_phone **phones, size_t *n, const char *name, int start,
                      int frames, int score)
{
    *phones = lp_realloc(*phones, (*n + 1) * sizeof **phones);
    (*phones)[(*n)++] = (struct heard_phone){ .name = name,
                                              .start = start,
                                              .frames = frames,
                                              .score = frames > 0 ? score * NAT / frames : 0 };
}

static void read_aligned(ps_alignment_t *words, struct heard *heard)
{
    size_t part = 0;

    for (ps_alignment_iter_t *w = ps_alignment_words(words); w && part < heard->n_parts;
         w = ps_alignment_iter_next(w), part++) {
        struct heard_part *p = &heard->parts[part];
        p->phone = heard->n_aligned;
        for (ps_alignment_iter_t *i = ps_alignment_iter_children(w); i;
             i = ps_alignment_iter_next(i)) {
            int start, frames, score = ps_alignment_iter_seg(i, &start, &frames);
            add_phone(&heard->aligned, &heard->n_aligned, ps_alignment_iter_name(i), start, frames,
                      score);
        }
        p->n_phones = heard->n_aligned - p->phone;
    }
}

/* What the alignment remembers of all frames, at once: a block that grows by 20 frames leaves holes
 * of as much again in the heap. */
static void reserve_history(ps_decoder_t *decoder, int frames)
{
    state_align_search_t *search = (state_align_search_t *)decoder->search;

    if (strcmp(ps_search_type(decoder->search), PS_SEARCH_TYPE_STATE_ALIGN) != 0 ||
        search->tokens || search->n_emit_state <= 0 || frames <= 0)
        return;
    search->tokens =
        ckd_malloc((size_t)search->n_emit_state * (size_t)frames * sizeof *search->tokens);
    search->n_fr_alloc = frames;
}

/* Gives the memory of the search for the text back, before the next one takes its own. */
static void forget_text(struct recogniser *r)
{
    ps_remove_search(r->decoder, "text");
    malloc_trim(0); /* it is in small blocks */
}

/* Phones of the parts; without a word where they cannot be aligned. */
static int align(struct recogniser *r, const struct features *f,
                 const struct recogniser_limits *limits, struct heard *heard, struct lp_error *err)
{
    ps_alignment_t *words = ps_alignment_init(r->decoder->d2p);
    bool found = false;
    int result = 0;

    read_parts(r, heard, words);
    forget_text(r);
    if (heard->n_parts > 0) {
        bool taken = ps_alignment_populate(words) >= 0;
        if (taken) {
            taken = ps_set_alignment(r->decoder, words) >= 0;
            ps_alignment_free(words); /* 5.1.1 takes a reference too many */
        }
        if (taken)
            reserve_history(r->decoder, f->n);
        else
            result = lp_error_set(err, LP_E_INTERNAL, "pocketsphinx does not take the alignment");
        r->decoder->acmod->compallsen = true; /* scores are beside the best sound of all */
        if (result == 0)
            result = run(r, NULL, f, limits, &found, err);
        r->decoder->acmod->compallsen = false;
        if (result == 0 && found)
            read_aligned(words, heard);
        else
            heard->n_parts = 0;
        ps_remove_search(r->decoder, "_state_align");
    }
    ps_alignment_free(words);
    return result;
}

static int listen(struct recogniser *r, const struct features *f,
                  const struct recogniser_limits *limits, struct heard *heard, struct lp_error *err)
{
    bool found = false;
    int result = run(r, "text", f, limits, &found, err);

    if (result == 0 && found)
        result = align(r, f, limits, heard, err);
    else
        forget_text(r); /* where nothing fits, it remembers most */
    if (result == 0)
        result = run(r, "free", f, limits, &found, err);
    if (result < 0)
        return result;
    for (ps_seg_t *s = ps_seg_iter(r->decoder); s; s = ps_seg_next(s)) {
        int from, to;
        ps_seg_frames(s, &from, &to);
        add_phone(&heard->free, &heard->n_free, ps_seg_word(s), from, to - from + 1, s->ascr);
    }
    return 0;
}

int recogniser_listen(struct recogniser *r, const int16_t *samples, size_t n,
                      const struct recogniser_grammar *grammar,
                      const struct recogniser_limits *limits, struct heard *ret_heard,
                      struct lp_error *err)
{
    auto_heard struct heard heard = { 0 };
    int result = check_limits(limits, err);

    if (result == 0)
        result = load_grammar(r, grammar, err);
    if (result < 0)
        return result;
    struct features f = features_of(r, samples, n);
    result = listen(r, &f, limits, &heard, err);
    fe_free_2d(f.rows);
    if (result == 0) {
        *ret_heard = heard;
        heard = (struct heard){ 0 };
    }
    return result;
}
