/* lib/json/yaml_line.c -- follows a path through libyaml's events. No state, any thread. */
#include "json/yaml_line.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/limits.h"

struct finder {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    bool has_event;
    size_t line;
};

static bool next(struct finder *f)
{
    if (f->has_event)
        yaml_event_delete(&f->event);
    f->has_event = yaml_parser_parse(&f->parser, &f->event) != 0;
    return f->has_event && f->event.type != YAML_STREAM_END_EVENT;
}

static void note_line(struct finder *f)
{
    f->line = f->event.start_mark.line + 1;
}

/* Moves to the last event of the value that begins with the current one. */
static bool skip(struct finder *f)
{
    size_t depth = 0;

    for (;;) {
        yaml_event_type_t t = f->event.type;
        if (t == YAML_MAPPING_START_EVENT || t == YAML_SEQUENCE_START_EVENT)
            depth++;
        else if (t == YAML_MAPPING_END_EVENT || t == YAML_SEQUENCE_END_EVENT)
            depth--;
        if (depth == 0)
            return true;
        if (!next(f))
            return false;
    }
}

/* Into the member of the current mapping that the path begins with: its value becomes current.
 * Returns the rest of the path, NULL where there is no such member. */
static const char *enter_member(struct finder *f, const char *path)
{
    size_t n = strcspn(path, ".[");

    while (next(f) && f->event.type == YAML_SCALAR_EVENT) {
        const char *key = (const char *)f->event.data.scalar.value;
        bool found = strlen(key) == n && strncmp(key, path, n) == 0;
        if (found)
            note_line(f);
        if (!next(f))
            return NULL;
        if (found)
            return path + n + (path[n] == '.');
        if (!skip(f))
            return NULL;
    }
    return NULL;
}

/* The same with the item "[n]" of the current sequence. */
static const char *enter_item(struct finder *f, const char *path)
{
    char *end;
    unsigned long n = strtoul(path + 1, &end, 10);

    if (*end != ']')
        return NULL;
    while (next(f) && f->event.type != YAML_SEQUENCE_END_EVENT) {
        if (n-- == 0) {
            note_line(f);
            return end + 1 + (end[1] == '.');
        }
        if (!skip(f))
            return NULL;
    }
    return NULL;
}

size_t lp_yaml_line(const char *bytes, size_t len, const char *path)
{
    struct finder f = { .line = 1 };

    if (!yaml_parser_initialize(&f.parser))
        abort();
    yaml_parser_set_input_string(&f.parser, (const unsigned char *)bytes, len);
    bool more = true;
    for (int i = 0; more && i < 3; i++) /* stream, document, its value */
        more = next(&f);
    for (int depth = 0; more && path && *path && depth < LP_LIMIT_JSON_DEPTH; depth++) {
        if (f.event.type == YAML_MAPPING_START_EVENT && *path != '[')
            path = enter_member(&f, path);
        else if (f.event.type == YAML_SEQUENCE_START_EVENT && *path == '[')
            path = enter_item(&f, path);
        else
            break;
    }
    if (f.has_event)
        yaml_event_delete(&f.event);
    yaml_parser_delete(&f.parser);
    return f.line;
}
