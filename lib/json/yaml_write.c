/*
 * lib/json/yaml_write.c -- JSON as YAML in block style, by libyaml. A string stands plain where no
 * reader of YAML 1.1 or 1.2 can take it for something else, else in double quotes. No state.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "base/alloc.h"
#include "json/json.h"
#include "json/yaml.h"

static void emit_value(yaml_emitter_t *e, const json_t *v);

/* An event that cannot be made or written is one for which there is no memory. */
static void emit(yaml_emitter_t *e, yaml_event_t *event, int made)
{
    if (!made || !yaml_emitter_emit(e, event))
        abort();
}

/* A letter first, then what is no punctuation of YAML; no word of YAML 1.1 or 1.2. */
static bool is_plain(const char *s, size_t n)
{
    static const char *const words[] = { "true", "false", "null", "yes", "no", "on",
                                         "off",  "y",     "n",    "inf", "nan" };
    static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789._/-";

    if (n == 0 || !isalpha((unsigned char)s[0]) || strlen(s) != n || strspn(s, fine) != n)
        return false;
    for (size_t i = 0; i < LP_COUNT(words); i++)
        if (strcasecmp(s, words[i]) == 0)
            return false;
    return true;
}

static void emit_scalar(yaml_emitter_t *e, const char *text, size_t n, bool plain)
{
    yaml_event_t event;
    int made = yaml_scalar_event_initialize(
        &event, NULL, NULL, (const yaml_char_t *)text, (int)n, plain, true,
        plain ? YAML_PLAIN_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE);
    emit(e, &event, made);
}

static void emit_object(yaml_emitter_t *e, const json_t *o)
{
    yaml_event_t event;
    const char *key;
    json_t *v;

    emit(e, &event,
         yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE));
    json_object_foreach((json_t *)(uintptr_t)o, key, v)
    {
        emit_scalar(e, key, strlen(key), is_plain(key, strlen(key)));
        emit_value(e, v);
    }
    emit(e, &event, yaml_mapping_end_event_initialize(&event));
}

static void emit_array(yaml_emitter_t *e, const json_t *a)
{
    yaml_event_t event;
    json_t *v;
    size_t i;

    emit(e, &event,
         yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE));
    json_array_foreach(a, i, v) emit_value(e, v);
    emit(e, &event, yaml_sequence_end_event_initialize(&event));
}

static void emit_value(yaml_emitter_t *e, const json_t *v)
{
    if (json_is_object(v)) {
        emit_object(e, v);
    } else if (json_is_array(v)) {
        emit_array(e, v);
    } else if (json_is_string(v)) {
        const char *text = json_string_value(v);
        emit_scalar(e, text, json_string_length(v), is_plain(text, json_string_length(v)));
    } else { /* numbers and words are written as in JSON */
        lp_auto_buf struct lp_buf text = LP_BUF_INIT(512);
        lp_json_write(v, &text);
        emit_scalar(e, text.ptr, text.len, true);
    }
}

static int add_to_buf(void *user, unsigned char *bytes, size_t n)
{
    lp_buf_add(user, bytes, n);
    return 1;
}

void lp_yaml_write(const json_t *document, struct lp_buf *b)
{
    yaml_emitter_t e;
    yaml_event_t event;

    if (!yaml_emitter_initialize(&e))
        abort(); /* no memory */
    yaml_emitter_set_output(&e, add_to_buf, b);
    yaml_emitter_set_unicode(&e, 1);
    yaml_emitter_set_width(&e, -1);
    emit(&e, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
    emit(&e, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
    emit_value(&e, document);
    emit(&e, &event, yaml_document_end_event_initialize(&event, 1));
    emit(&e, &event, yaml_stream_end_event_initialize(&event));
    yaml_emitter_delete(&e);
}
