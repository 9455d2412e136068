/* SPDX-License-Identifier: Apache-2.0 */
/* Formats for code hosts with more findings and processes than those take. */
#include <jansson.h>
#include <stdlib.h>

#include "finding_fixture.h"
#include "gate/gate.h"
#include "render/findings_render.h"

#define ALL_CLASSES 0x1fu

/* `count` findings of lines of their own, each of every process; every tenth definite. */
static void fill(struct finding_set *set, size_t count, uint32_t processes)
{
    const struct gate gate = {.classes = 1u << REPORT_LEAK_DEFINITE, .errors = true};
    struct report_frame *frames = calloc(count, sizeof(*frames));
    struct report_stack *stacks = calloc(count, sizeof(*stacks));
    struct report_site *sites = calloc(count, sizeof(*sites));
    struct report_leak *leaks = calloc(count, sizeof(*leaks));
    ck_assert(frames && stacks && sites && leaks && finding_set_init(set));
    for (size_t i = 0; i < count; i++) {
        frames[i] = fixture_frames[2];
        frames[i].line = (int)i + 1;
        stacks[i] = (struct report_stack){.frames = &frames[i], .count = 1};
        sites[i] = (struct report_site){.kind = "malloc", .stack = &stacks[i]};
        leaks[i] = fixture_leak(i % 10 ? REPORT_LEAK_REACHABLE : REPORT_LEAK_DEFINITE, i + 1, 1);
        leaks[i].site = &sites[i];
    }
    for (uint32_t pid = 1; pid <= processes; pid++) {
        struct report report = fixture_report(pid, leaks, count);
        ck_assert(finding_set_add(set, &report));
    }
    ck_assert(finding_set_finish(set));
    gate_judge(&gate, set);
    free(frames);
    free(stacks);
    free(sites);
    free(leaks);
}

static char *render(findings_render *renderer, const struct finding_set *set, size_t *size)
{
    const struct render_options options = {.leak_classes = ALL_CLASSES, .utf8 = true};
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    ck_assert(out && renderer(set, &options, out));
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

static size_t occurrences(const char *text, const char *what)
{
    size_t count = 0;
    while ((text = strstr(text, what)) != NULL) {
        text += strlen(what);
        count++;
    }
    return count;
}

START_TEST(sarif_of_too_many_leaves_out_what_is_not_fatal)
{
    struct finding_set set;
    size_t size, fatal = 0;
    fill(&set, 26000, 1);
    char *text = render(sarif_render, &set, &size);
    json_t *log = json_loads(text, 0, NULL), *run = json_array_get(json_object_get(log, "runs"), 0);
    json_t *results = json_object_get(run, "results");
    ck_assert_uint_eq(json_array_size(results), 25000);
    for (size_t i = 0; i < json_array_size(results); i++) {
        const char *level = json_string_value(json_object_get(json_array_get(results, i), "level"));
        fatal += strcmp(level, "error") == 0;
    }
    ck_assert_uint_eq(fatal, 2600);
    ck_assert_uint_eq(occurrences(text, "1000 more findings are left out"), 1);
    json_decref(log);
    free(text);
    finding_set_release(&set);
}
END_TEST

START_TEST(github_gets_ten_annotations_of_a_kind)
{
    struct finding_set set;
    size_t size;
    fill(&set, 5000, 1);
    for (uint32_t i = 0; i < 50; i++)
        ck_assert(finding_set_add_unread(&set, 100 + i, "gone.vmt", true, "it is cut"));
    char *text = render(github_render, &set, &size);
    ck_assert_uint_eq(occurrences(text, "::error "), 10);
    ck_assert_uint_eq(occurrences(text, "::notice "), 10);
    ck_assert_uint_eq(occurrences(text, "::warning "), 10);
    ck_assert_uint_eq(occurrences(text, "::491 more findings are in the log"), 1);
    ck_assert_uint_eq(occurrences(text, "::41 more processes could not be checked"), 1);
    free(text);
    finding_set_release(&set);
}
END_TEST

START_TEST(markdown_stays_below_a_mebibyte)
{
    struct finding_set set;
    size_t size;
    char absurd[4000] = "";
    for (size_t i = 0; i + 6 < sizeof(absurd); i += 5)
        strcpy(absurd + i, "_\U0001f600");
    fill(&set, 5000, 1);
    for (size_t i = 0; i < set.count; i++)
        set.findings[i].stack.frames[0].function = set.findings[i].stack.frames[0].file = absurd;
    for (uint32_t i = 0; i < 5000; i++)
        ck_assert(finding_set_add_unread(&set, 100 + i, absurd, true, absurd));
    char *text = render(markdown_render, &set, &size);
    ck_assert_uint_lt(size, 1024 * 1024);
    ck_assert_uint_eq(occurrences(text, "**fails**"), 500);
    ck_assert_uint_eq(occurrences(text, "4500 more findings are in the log"), 1);
    ck_assert_uint_eq(occurrences(text, "- not checked"), 500);
    ck_assert_uint_eq(occurrences(text, "- and 4500 more\n"), 1);
    free(text);
    finding_set_release(&set);
}
END_TEST

START_TEST(junit_has_one_failure_for_each_process)
{
    struct finding_set set;
    size_t size;
    fill(&set, 100, 200);
    char *text = render(junit_render, &set, &size);
    ck_assert_uint_eq(occurrences(text, "<testcase "), 200);
    ck_assert_uint_eq(occurrences(text, "<failure "), 200);
    ck_assert_uint_eq(occurrences(text, "; and 9 more\""), 200);
    ck_assert_uint_eq(occurrences(text, "not a failure: "), 200 * 50);
    ck_assert_uint_eq(occurrences(text, "\nand 40 more\n"), 200);
    free(text);
    finding_set_release(&set);
}
END_TEST

UNIT_MAIN("findings_render", sarif_of_too_many_leaves_out_what_is_not_fatal,
          github_gets_ten_annotations_of_a_kind, markdown_stays_below_a_mebibyte,
          junit_has_one_failure_for_each_process)
