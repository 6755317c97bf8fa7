/* test/unit/test_learning_exchange.c -- content as Turtle, JSON-LD, CSV and Anki's text, and back.
 */
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "services/learning/exchange/exchange.h"
#include "services/learning/exchange/sheet.h"
#include "services/learning/exchange/table.h"
#include "unit/check.h"

extern const char starter_json[];

static const struct exchange_defaults none = { NULL, NULL }, noun = { "Noun", "A1" };

/* Reads a text that must be fine. */
static struct exchange read_text(enum exchange_format format, const char *text,
                                 const struct exchange_defaults *d)
{
    struct exchange e = { 0 };
    struct lp_error err = { 0 };
    if (exchange_read(format, text, strlen(text), d, &e, &err) < 0)
        fail_msg("%s: %s", exchange_names[format], err.msg);
    return e;
}

static void assert_refused(enum exchange_format format, const char *text, const char *message)
{
    struct exchange e = { 0 };
    struct lp_error err = { 0 };
    int r = exchange_read(format, text, strlen(text), &none, &e, &err);
    if (r >= 0)
        fail_msg("taken: %.200s", text);
    if (!strstr(err.msg, message))
        fail_msg("\"%s\" is not in \"%s\"", message, err.msg);
    assert_true(r == LP_E_INVALID || r == LP_E_TOO_LARGE);
    exchange_done(&e);
}

static void assert_same(const json_t *is, const json_t *want)
{
    if (json_equal(is, want))
        return;
    lp_auto_free char *a = json_dumps(is, JSON_SORT_KEYS);
    lp_auto_free char *b = json_dumps(want, JSON_SORT_KEYS);
    fail_msg("is %.4000s\nnot %.4000s", a, b);
}

static void assert_comes_back(const json_t *classes, const json_t *items)
{
    for (int f = 0; f < EXCHANGE_FORMATS; f++) {
        lp_auto_buf struct lp_buf text = LP_BUF_INIT(EXCHANGE_BYTES);
        struct lp_error err = { 0 };
        assert_int_equal(exchange_write((enum exchange_format)f, classes, items, &text, &err), 0);
        auto_exchange struct exchange e = read_text((enum exchange_format)f, text.ptr, &none);
        assert_same(e.items, items);
        assert_int_equal(e.ignored, 0);
        if (f <= EXCHANGE_JSONLD)
            assert_same(e.classes, classes);
    }
}

static void the_starter_set_comes_back_from_every_format(void **state)
{
    (void)state;
    json_auto_t *starter = json_loads(starter_json, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(starter, "items")), 140);
    assert_comes_back(json_object_get(starter, "classes"), json_object_get(starter, "items"));
}

/* An item with all that a format could stumble over. */
static json_t *awkward(const char *id)
{
    return lp_json_make("{s:s,s:s,s:s,s:s,s:i,s:i,s:[s,s],s:[s,s],s:[s],s:[s],s:{s:s,s:s,s:{s:[s,i,"
                        "b,n]}}}",
                        "id", id, "class", "a.b-c:d", "level", "C2", "phrase",
                        "#\"quoted\", \\u0041 <b>&amp;</b>\ttab\nline; \xc3\xa9\xf0\x9f\x98\x80",
                        "rank", 0, "seconds", 3600, "tags", "a;b\\c", "d\"e", "prerequisites",
                        "z:1", "-x.", "confusableWith", ".", "partOf", "p-1.2", "content",
                        "meaning", "one,\r\ntwo", "example", "'''\"\"\"", "media", "list", "\n", 7,
                        1);
}

static void awkward_texts_come_back_from_every_format(void **state)
{
    static const char *const ids[] = { "x", "-x.", ":", ".", "0", "a:b:c", "_", "x." };
    (void)state;
    json_auto_t *items = json_array();
    json_auto_t *classes =
        lp_json_make("[{s:s,s:s,s:n},{s:s,s:s,s:s}]", "name", "-.", "label", "\"\\\n", "subClassOf",
                     "name", "B", "label", "b", "subClassOf", "-.");
    for (size_t i = 0; i < LP_COUNT(ids); i++)
        json_array_append_new(items, awkward(ids[i]));
    assert_comes_back(classes, items);
}

static void a_blank_in_a_tag_is_the_only_thing_that_anki_changes(void **state)
{
    (void)state;
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(EXCHANGE_BYTES);
    struct lp_error err;
    json_auto_t *items = json_array();
    json_t *item = awkward("x");
    json_array_append_new(items, item);
    json_object_set_new(item, "tags", lp_json_make("[s]", "two words"));
    assert_int_equal(exchange_write(EXCHANGE_ANKI, NULL, items, &text, &err), 0);
    auto_exchange struct exchange e = read_text(EXCHANGE_ANKI, text.ptr, &none);
    json_object_set_new(item, "tags", lp_json_make("[s]", "two_words"));
    assert_same(e.items, items);
}

#define PREFIXES                                                       \
    "@prefix lp: <https://learningplatform.io/ontology#> .\n"          \
    "@prefix item: <https://learningplatform.io/ontology/item/> .\n"   \
    "@prefix class: <https://learningplatform.io/ontology/class/> .\n" \
    "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"

static void turtle_of_others_is_read_whatever_the_order_and_the_rest_is_counted(void **state)
{
    (void)state;
    auto_exchange struct exchange e = read_text(
        EXCHANGE_TURTLE,
        PREFIXES "item:snow lp:tag \"winter\"@en ; lp:phrase 'snow' .\n"
                 "<http://example.org/other> a class:Noun ; lp:level \"B1\" .\n"
                 "item:snow lp:level \"A1\" ; lp:seen [ a lp:Day ; lp:at [] ] ; a class:Noun .\n"
                 "class:Noun rdfs:label \"\"\"Nouns\"\"\" ; a rdfs:Class .\n",
        &none);
    assert_int_equal(json_array_size(e.items), 1);
    assert_int_equal(e.ignored, 5);
    const json_t *snow = json_array_get(e.items, 0);
    assert_string_equal(lp_json_str(snow, "class", NULL), "Noun");
    assert_int_equal(lp_json_int(0, snow, "seconds", NULL), 15);
    assert_string_equal(json_string_value(json_array_get(json_object_get(snow, "tags"), 0)),
                        "winter");
    assert_string_equal(lp_json_str(json_array_get(e.classes, 0), "label", NULL), "Nouns");
}

static void wrong_turtle_is_refused_with_line_member_and_limit(void **state)
{
    static const char *const cases[][2] = {
        { "item:x lp:level \"A1\" .", "line 5" }, /* no class, no phrase */
        { "item:x a class:N ; lp:level \"D9\" ; lp:phrase \"x\" .", "line 5, x: level" },
        { "\n\nitem:x lp:rank \"many\" .", "line 7: rank: must be a whole number, is \"many\"" },
        { "item:x lp:rank 1, 2 .", "line 5: rank: more than one value" },
        { "<https://learningplatform.io/ontology/item/\\uD800> lp:rank 1 .",
          "line 5: an escape that is no character" },
        { "item:x lp:phrase \"a\\u0000b\" .", "line 5: an escape that is no character" },
        { "item:x lp:tag \"\\uD800\" .", "line 5: an escape that is no character" },
        { "@prefix p: <http://example.org/\\uDFFF> .", "line 5: an escape that is no character" },
        { "item:x lp:tag 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21 .",
          "line 5: tags: more than 20 values" },
        { "item:x lp:content \"{\" .", "line 5: content" },
        { "item:x lp:prerequisite \"y\" .", "an item is wanted here" },
        { "item:x lp:phrase nope:y .", "line 5" },
        { "item:x lp:phrase ( 1 ) .", "lists ( ) are not read" },
        { "( 1 ) lp:phrase 1 .", "lists ( ) are not read" },
        { "item:x lp:phrase", "line 5" },
        { "class:A a rdfs:Class ; rdfs:subClassOf class:B . class:B rdfs:subClassOf class:A .",
          "A would be below itself" },
        { "<https://learningplatform.io/ontology/class/a%20b> a rdfs:Class .", "class: must be" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_buf struct lp_buf text = LP_BUF_INIT(4096);
        lp_buf_printf(&text, PREFIXES "%s", cases[i][0]);
        assert_refused(EXCHANGE_TURTLE, text.ptr, cases[i][1]);
    }
}

static void add_n(struct lp_buf *text, int n, const char *part)
{
    for (int i = 0; i < n; i++)
        lp_buf_str(text, part);
}

static void deep_and_long_turtle_ends_at_its_limits(void **state)
{
    (void)state;
    lp_auto_buf struct lp_buf deep = LP_BUF_INIT(EXCHANGE_BYTES), text = LP_BUF_INIT(65536);
    lp_buf_str(&deep, PREFIXES "item:x ");
    add_n(&deep, 100000, "lp:a [ ");
    assert_refused(EXCHANGE_TURTLE, deep.ptr, "brackets nested deeper than 16");
    lp_buf_reset(&deep);
    add_n(&deep, 100000, "[<a:b>");
    assert_refused(EXCHANGE_TURTLE, deep.ptr, "brackets nested deeper than 16");
    lp_buf_reset(&deep);
    lp_buf_str(&deep, "@prefix a: <a:> .\n");
    add_n(&deep, 20000, "[a:a[a:a 1]].");
    add_n(&deep, 20000, "[a:a");
    assert_refused(EXCHANGE_TURTLE, deep.ptr, "brackets nested deeper than 16");
    lp_buf_reset(&deep);
    add_n(&deep, 1000000, "(");
    assert_refused(EXCHANGE_TURTLE, deep.ptr, "lists ( ) are not read");

    lp_buf_str(&text, "@prefix a: <http://");
    add_n(&text, 3000, "x");
    lp_buf_str(&text, "> .");
    assert_refused(EXCHANGE_TURTLE, text.ptr, "an IRI of more than 2048 bytes");
    lp_buf_reset(&text);
    lp_buf_str(&text, PREFIXES "item:x lp:phrase \"");
    add_n(&text, 9000, "y");
    lp_buf_str(&text, "\" .");
    assert_refused(EXCHANGE_TURTLE, text.ptr, "phrase: must have at most 8192 bytes, has 9000");
}

static void more_items_than_allowed_are_refused(void **state)
{
    (void)state;
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(EXCHANGE_BYTES);
    lp_buf_str(&text, "id,phrase,class,level\n");
    for (int i = 0; i <= EXCHANGE_ITEMS; i++)
        lp_buf_printf(&text, "i%d,x,Noun,A1\n", i);
    assert_refused(EXCHANGE_CSV, text.ptr, "line 5002: more than 5000 items");
    lp_buf_reset(&text);
    add_n(&text, (int)EXCHANGE_BYTES / 2 + 1, "x\n");
    struct exchange e = { 0 };
    struct lp_error err;
    lp_auto_free char *big = lp_alloc(EXCHANGE_BYTES + 1);
    assert_int_equal(exchange_read(EXCHANGE_CSV, big, EXCHANGE_BYTES + 1, &none, &e, &err),
                     LP_E_TOO_LARGE);
}

static void what_takes_more_memory_than_text_is_counted_as_it_is_read(void **state)
{
    (void)state;
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(EXCHANGE_BYTES);
    lp_buf_str(&text, PREFIXES);
    for (int i = 0; i <= EXCHANGE_ITEMS + EXCHANGE_CLASSES; i++)
        lp_buf_printf(&text, "item:i%d lp:rank 1 .\n", i);
    lp_buf_str(&text, "what is no Turtle is not reached");
    assert_refused(EXCHANGE_TURTLE, text.ptr, "line 6005: more than 6000 items and classes");
    lp_buf_reset(&text);
    for (int i = 0; i <= EXCHANGE_PREFIXES; i++)
        lp_buf_printf(&text, "@prefix p%d: <a:> .\n", i);
    assert_refused(EXCHANGE_TURTLE, text.ptr, "line 257: more than 256 prefixes");
    lp_buf_reset(&text);
    lp_buf_str(&text, "[{}");
    add_n(&text, EXCHANGE_NODES, ",{}");
    lp_buf_str(&text, "]");
    assert_refused(EXCHANGE_JSONLD, text.ptr, "more than 100000 objects and arrays, 100002");
}

static void a_statement_that_is_there_twice_is_one(void **state)
{
    (void)state;
    lp_auto_buf struct lp_buf once = LP_BUF_INIT(EXCHANGE_BYTES),
                              twice = LP_BUF_INIT(EXCHANGE_BYTES);
    json_auto_t *starter = json_loads(starter_json, 0, NULL);
    const json_t *classes = json_object_get(starter, "classes");
    const json_t *items = json_object_get(starter, "items");
    ok(exchange_write(EXCHANGE_TURTLE, classes, items, &once, &err));
    lp_buf_printf(&twice, "%s%s", once.ptr, once.ptr);
    auto_exchange struct exchange e = read_text(EXCHANGE_TURTLE, twice.ptr, &none);
    assert_int_equal(json_array_size(e.items), 140);
    assert_same(e.items, items);
    assert_same(e.classes, classes);
}

static void json_ld_of_others_is_read_in_our_terms(void **state)
{
    (void)state;
    auto_exchange struct exchange e = read_text(
        EXCHANGE_JSONLD,
        "{\"@context\":{\"phrase\":\"lp:phrase\"},\"@graph\":[{\"@id\":\"item:snow\",\"@type\":"
        "[\"lp:Thing\",\"class:Noun\"],\"lp:phrase\":{\"@value\":\"snow\"},\"level\":\"A1\","
        "\"tag\":\"winter\",\"prerequisite\":[{\"@id\":\"item:rain\"},"
        "\"https://learningplatform.io/ontology/item/cold\"],\"colour\":\"white\"},"
        "{\"@id\":\"http://example.org/x\"},{\"@id\":\"class:Noun\",\"rdfs:label\":\"Nouns\","
        "\"rdfs:subClassOf\":{\"@id\":\"class:Word\"},\"rdfs:comment\":\"x\"}]}",
        &none);
    const json_t *snow = json_array_get(e.items, 0);
    json_auto_t *wanted = lp_json_make("[s,s]", "rain", "cold");
    assert_same(json_object_get(snow, "prerequisites"), wanted);
    assert_string_equal(lp_json_str(snow, "class", NULL), "Noun");
    const json_t *noun_class = json_array_get(e.classes, 0);
    assert_string_equal(lp_json_str(noun_class, "label", NULL), "Nouns");
    assert_string_equal(lp_json_str(noun_class, "subClassOf", NULL), "Word");
    assert_int_equal(e.ignored, 3);
}

static void wrong_json_ld_is_refused_with_node_and_member(void **state)
{
    static const char *const cases[][2] = {
        { "{", "JSON-LD" },
        { "{\"@graph\":{}}", "@graph: must be an array" },
        { "{\"@graph\":[1]}", "@graph[0]: must be an object" },
        { "{\"@context\":{\"phrase\":\"lp:tag\"}}", "@context: \"phrase\"" },
        { "{\"@context\":\"http://example.org/\"}", "@context: must be" },
        { "[{\"@id\":\"item:a\",\"@type\":\"class:N\",\"level\":\"A1\",\"phrase\":7}]",
          "@graph[0], item:a: phrase" },
        { "[{\"@id\":\"item:a\",\"prerequisite\":[7]}]", "prerequisite: must be items" },
        { "[{\"@id\":\"class:a\",\"subClassOf\":\"x\"}]", "subClassOf: must be a class" },
        { "[{\"@id\":\"class:a\"},{\"@id\":\"class:a\"}]", "@graph[1], class:a: class: \"a\" is" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++)
        assert_refused(EXCHANGE_JSONLD, cases[i][0], cases[i][1]);
    lp_auto_buf struct lp_buf deep = LP_BUF_INIT(65536);
    add_n(&deep, 40, "[");
    add_n(&deep, 40, "]");
    assert_refused(EXCHANGE_JSONLD, deep.ptr, "nested deeper than 16");
}

static void csv_takes_columns_by_name_and_defaults_for_the_rest(void **state)
{
    (void)state;
    auto_exchange struct exchange e =
        read_text(EXCHANGE_CSV,
                  "\xef\xbb\xbfPhrase,ID,meaning,colour,tags\r\n"
                  "\"to \"\"go\"\"\",go,\"move,\r\nleave\",red,a;b\r\n\r\nsnow,snow\r\n",
                  &noun);
    assert_int_equal(json_array_size(e.items), 2);
    assert_int_equal(e.ignored, 1);
    const json_t *go = json_array_get(e.items, 0);
    assert_string_equal(lp_json_str(go, "phrase", NULL), "to \"go\"");
    assert_string_equal(lp_json_str(go, "content", "meaning", NULL), "move,\r\nleave");
    assert_string_equal(lp_json_str(go, "level", NULL), "A1");
    assert_int_equal(json_array_size(json_object_get(go, "tags")), 2);
}

static void what_a_list_has_twice_is_there_once_and_comes_back_from_every_format(void **state)
{
    (void)state;
    auto_exchange struct exchange e =
        read_text(EXCHANGE_CSV, "id,phrase,tags,partOf\nx,y,b;a;b;b,p;p\n", &noun);
    const json_t *item = json_array_get(e.items, 0);
    json_auto_t *tags = lp_json_make("[s,s]", "b", "a"), *whole = lp_json_make("[s]", "p");
    assert_same(json_object_get(item, "tags"), tags);
    assert_same(json_object_get(item, "partOf"), whole);
    assert_comes_back(e.classes, e.items);
}

static void wrong_csv_is_refused_with_its_line(void **state)
{
    static const char *const cases[][2] = {
        { "", "line 1: must name the columns" },
        { "a,b\n", "line 1: must name the columns" },
        { "id,phrase\nx,\"y\n\n", "line 2: a quote is not closed" },
        { "id,phrase\nx,\"y\"z\n", "line 2: after a closing quote" },
        { "id,phrase\n\nx,y\n", "line 3: class" },
        { "id,phrase,class,level,rank\nx,y,N,A1,1.5\n", "line 2: rank: must be a whole number" },
        { "id,phrase,class,level,seconds\nx,y,N,A1,9999\n", "line 2: seconds" },
        { "id,phrase,class,level,rank\nx,y,N,A1,99999999999999999999999\n", "line 2: rank" },
        { "id,phrase,class,level\nx,y,N,A1\nx,y,N,A1\n", "line 3: id: \"x\" is there twice" },
        { "id,phrase\nx,\xff\n", "line 2: a byte that is no UTF-8 text (0xff)" },
        { "id,phrase,class,level,content\nx,y,N,A1,[]\n", "line 2: content" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++)
        assert_refused(EXCHANGE_CSV, cases[i][0], cases[i][1]);
    lp_auto_buf struct lp_buf wide = LP_BUF_INIT(65536);
    lp_buf_str(&wide, "id,phrase");
    add_n(&wide, 70, ",x");
    assert_refused(EXCHANGE_CSV, wide.ptr, "line 1: more than 64 fields");
}

static void notes_of_anki_are_read_by_their_head(void **state)
{
    (void)state;
    auto_exchange struct exchange e = read_text(
        EXCHANGE_ANKI,
        "#separator:Semicolon\n#html:true\n#guid column:1\n#notetype column:2\n#deck column:3\n"
        "#tags column:6\nq@1!;Basic;English;<b>to go</b>;\"move<br>leave&nbsp;&amp; go\";verbs a1\n"
        "snow;Basic;English;snow;\"frozen; rain\";\n",
        &noun);
    assert_int_equal(json_array_size(e.items), 2);
    const json_t *go = json_array_get(e.items, 0), *snow = json_array_get(e.items, 1);
    assert_memory_equal(lp_json_str(go, "id", NULL), "anki-", 5);
    assert_string_equal(lp_json_str(go, "phrase", NULL), "to go");
    assert_string_equal(lp_json_str(go, "content", "meaning", NULL), "move\nleave & go");
    assert_int_equal(json_array_size(json_object_get(go, "tags")), 2);
    assert_string_equal(lp_json_str(snow, "id", NULL), "snow");
    assert_string_equal(lp_json_str(snow, "content", "meaning", NULL), "frozen; rain");
}

static void tags_of_all_notes_are_added_to_each_and_a_guid_is_no_html(void **state)
{
    (void)state;
    auto_exchange struct exchange e =
        read_text(EXCHANGE_ANKI,
                  "#html:true\n#guid column:1\n#tags column:4\n#tags:all of-it\n"
                  "a<b>c\tgo\tmove\tverb\na<i>c\tsnow\tfrozen rain\t\n",
                  &noun);
    const json_t *go = json_array_get(e.items, 0), *snow = json_array_get(e.items, 1);
    json_auto_t *three = lp_json_make("[s,s,s]", "all", "of-it", "verb");
    json_auto_t *two = lp_json_make("[s,s]", "all", "of-it");
    assert_same(json_object_get(go, "tags"), three);
    assert_same(json_object_get(snow, "tags"), two);
    assert_string_not_equal(lp_json_str(go, "id", NULL), lp_json_str(snow, "id", NULL));
}

static void a_note_without_a_name_has_the_same_id_each_time(void **state)
{
    (void)state;
    auto_exchange struct exchange a = read_text(EXCHANGE_ANKI, "snow\tfrozen rain\n", &noun);
    auto_exchange struct exchange b =
        read_text(EXCHANGE_ANKI, "#columns:Back\tFront\n#tags:x\nwhite flakes\tsnow\n", &noun);
    const json_t *one = json_array_get(a.items, 0), *two = json_array_get(b.items, 0);
    assert_string_equal(lp_json_str(one, "id", NULL), lp_json_str(two, "id", NULL));
    assert_string_equal(lp_json_str(two, "content", "meaning", NULL), "white flakes");
    assert_int_equal(json_array_size(json_object_get(two, "tags")), 1);
    assert_refused(EXCHANGE_ANKI, "#separator:what\nx\ty\n", "line 1: #separator: must be");
    assert_refused(EXCHANGE_ANKI, "#separator:tab\n#guid column:99\nx\ty\n",
                   "line 2: #guid column: must be a column from 1 to 64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_starter_set_comes_back_from_every_format),
        cmocka_unit_test(awkward_texts_come_back_from_every_format),
        cmocka_unit_test(a_blank_in_a_tag_is_the_only_thing_that_anki_changes),
        cmocka_unit_test(turtle_of_others_is_read_whatever_the_order_and_the_rest_is_counted),
        cmocka_unit_test(wrong_turtle_is_refused_with_line_member_and_limit),
        cmocka_unit_test(deep_and_long_turtle_ends_at_its_limits),
        cmocka_unit_test(more_items_than_allowed_are_refused),
        cmocka_unit_test(what_takes_more_memory_than_text_is_counted_as_it_is_read),
        cmocka_unit_test(a_statement_that_is_there_twice_is_one),
        cmocka_unit_test(json_ld_of_others_is_read_in_our_terms),
        cmocka_unit_test(wrong_json_ld_is_refused_with_node_and_member),
        cmocka_unit_test(csv_takes_columns_by_name_and_defaults_for_the_rest),
        cmocka_unit_test(what_a_list_has_twice_is_there_once_and_comes_back_from_every_format),
        cmocka_unit_test(wrong_csv_is_refused_with_its_line),
        cmocka_unit_test(notes_of_anki_are_read_by_their_head),
        cmocka_unit_test(tags_of_all_notes_are_added_to_each_and_a_guid_is_no_html),
        cmocka_unit_test(a_note_without_a_name_has_the_same_id_each_time),
    };
    return cmocka_run_group_tests_name("learning_exchange", tests, NULL, NULL);
}
