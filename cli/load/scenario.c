/* cli/load/scenario.c -- see scenario.h; scenario_read.c reads the file. */
#include "cli/load/scenario.h"

#include "base/alloc.h"

const char scenario_of_a_class[] =
    "accounts: one\n"
    "setup:\n"
    "- {name: login, path: /auth/api/auth/login, body: {email: '${email}', password: "
    "'${password}'},\n"
    "   expect: {status: [200], has: token}, keep: {token: token, user: user.id}}\n"
    "steps:\n"
    "- {name: login, path: /auth/api/auth/login, body: {email: '${email}', password: "
    "'${password}'},\n"
    "   expect: {status: [200], has: token}, keep: {token: token}}\n"
    "- {name: speech2text, path: /ai/speech2text, token: true,\n"
    "   body: {text: um yesterday i go to the the market and i recieve a apple},\n"
    "   expect: {status: [200], has: sentence_pairs}}\n"
    "- {name: recommendation, path: '/progress/api/progress/recommendation/${user}', token: true,\n"
    "   expect: {status: [200], has: averageScore}}\n"
    "- {name: health, path: /health, expect: {status: [200], has: status}}\n";

static void steps_done(struct scenario_step *steps, int n)
{
    for (int i = 0; i < n; i++) {
        template_free(steps[i].path);
        template_free(steps[i].body);
    }
}

void scenario_free(struct scenario *s)
{
    if (!s)
        return;
    steps_done(s->setup, s->n_setup);
    steps_done(s->steps, s->n_steps);
    json_decref(s->document);
    free(s);
}

static bool steps_use(const struct scenario_step *steps, int n, int variable)
{
    for (int i = 0; i < n; i++)
        if (template_uses(steps[i].path, variable) ||
            (steps[i].body && template_uses(steps[i].body, variable)))
            return true;
    return false;
}

bool scenario_uses(const struct scenario *s, int variable)
{
    return steps_use(s->setup, s->n_setup, variable) || steps_use(s->steps, s->n_steps, variable);
}

int scenario_next(const struct scenario *s, int after, double random)
{
    int first = after + 1, end;
    int64_t sum = 0;

    /* the rest of the alternatives that step `after` was one of */
    if (after >= 0 && s->steps[after].weight > 0)
        while (first < s->n_steps && s->steps[first].weight > 0)
            first++;
    if (first == s->n_steps)
        return -1;
    for (end = first; end < s->n_steps && s->steps[end].weight > 0; end++)
        sum += s->steps[end].weight;
    double at = random * (double)sum;
    for (int i = first; i + 1 < end; i++) {
        at -= (double)s->steps[i].weight;
        if (at < 0)
            return i;
    }
    return end > first ? end - 1 : first;
}
