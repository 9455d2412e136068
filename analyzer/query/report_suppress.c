/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <vmtrace/lsan_options.h>

#include "query/report_suppress.h"
#include "suppress/suppression.h"

/* How valgrind and LeakSanitizer call the function that their stacks begin with. */
static void report_allocator_names(const char *kind, const char *names[SUPPRESSION_NAMES])
{
    static const struct {
        const char *kind, *names[SUPPRESSION_NAMES];
    } others[] = {
        {"new", {"operator new(unsigned long)", "_Znwm", "_ZnwmRKSt9nothrow_t"}},
        {"new[]", {"operator new[](unsigned long)", "_Znam", "_ZnamRKSt9nothrow_t"}},
        {"new (aligned)",
         {"operator new(unsigned long, std::align_val_t)", "_ZnwmSt11align_val_t",
          "_ZnwmSt11align_val_tRKSt9nothrow_t"}},
        {"new[] (aligned)",
         {"operator new[](unsigned long, std::align_val_t)", "_ZnamSt11align_val_t",
          "_ZnamSt11align_val_tRKSt9nothrow_t"}},
        {"release", {"free", "_ZdlPv", "_ZdaPv", "realloc"}},
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (strcmp(others[i].kind, kind) == 0) {
            memcpy(names, others[i].names, sizeof(others[i].names));
            return;
        }
    }
    names[0] = kind;
}

/* valgrind's word for what calls main(). */
static bool report_is_below_main(const char *function)
{
    return strcmp(function, "_start") == 0 || strncmp(function, "__libc_start_", 13) == 0;
}

const char *report_public_name(const char *function)
{
    function += strncmp(function, "__GI_", 5) == 0 ? 5 : 0;
    return function + strspn(function, "_");
}

static struct suppression_place report_place(const struct report_frame *frame)
{
    struct suppression_place place = {
        .file = frame->file,
        .module = frame->module,
        .line = frame->line,
        .inlined = frame->inlined,
    };
    size_t count = 0;
    if (frame->function)
        place.names[count++] = frame->function;
    if (frame->linkage && strcmp(frame->linkage, frame->function) != 0)
        place.names[count++] = frame->linkage;
    if (frame->function && report_is_below_main(frame->function))
        place.names[count++] = "(below main)";
    else if (frame->function && !frame->application && strncmp(frame->function, "__", 2) == 0)
        place.names[count++] = report_public_name(frame->function);
    return place;
}

/* The first that fits the stack, with the allocator's function before it. *good is set to false
 * when out of memory. */
static struct suppression *report_find(const struct report_build *build,
                                       const struct report_stack *stack, const char *kind,
                                       struct suppression_query query, bool *good)
{
    size_t count = stack ? stack->count : 0;
    struct suppression_place *places = calloc(count + 1, sizeof(*places));
    if (!places) {
        *good = false;
        return NULL;
    }
    report_allocator_names(kind, places[0].names);
    for (size_t i = 0; i < count; i++)
        places[i + 1] = report_place(&stack->frames[i]);
    query.places = places;
    query.count = count + 1;
    struct suppression *found = suppression_list_match(build->suppressions, &query);
    free(places);
    return found;
}

static unsigned report_suppression_kind(enum report_leak_class class)
{
    static const unsigned kinds[] = {
        [REPORT_LEAK_DEFINITE] = SUPPRESSION_DEFINITE,
        [REPORT_LEAK_INDIRECT] = SUPPRESSION_INDIRECT,
        [REPORT_LEAK_POSSIBLE] = SUPPRESSION_POSSIBLE,
        [REPORT_LEAK_REACHABLE] = SUPPRESSION_REACHABLE,
        [REPORT_LEAK_UNSCANNED] = SUPPRESSION_UNSCANNED,
    };
    return kinds[class];
}

static bool report_note_text(struct report_build *build, const char *text)
{
    return string_list_add(&build->suppression_notes, report_copy(build, text));
}

/* The next piece of what __lsan_default_suppressions returned; NULL: there is none. */
static const char *report_programs_piece(const struct report_build *build, unsigned piece)
{
    char key[64] = "lsan_suppressions";
    if (piece)
        snprintf(key, sizeof(key), "lsan_suppressions.%u", piece);
    return process_facts_get(&build->model->facts, key);
}

/* The program's own.  A mistake in them is told and costs what stands behind it. */
static bool report_add_programs(struct report_build *build)
{
    struct error error = {.code = VMT_OK};
    const char *piece;
    size_t size = 0;
    char *text = NULL;
    if (!report_programs_piece(build, 0))
        return true;
    FILE *whole = open_memstream(&text, &size);
    if (!whole)
        return false;
    for (unsigned i = 0; (piece = report_programs_piece(build, i)); i++)
        fputs(piece, whole);
    bool good = fclose(whole) == 0 && text;
    if (good)
        good = suppression_list_parse(build->suppressions, "__lsan_default_suppressions", text,
                                      size, &error) != VMT_ERROR_MEMORY;
    free(text);
    return good && (error.code == VMT_OK || report_note_text(build, error.message));
}

/* suppressions=FILE in LSAN_OPTIONS: as it is there now. */
static bool report_add_options_file(struct report_build *build)
{
    const char *options = process_facts_get(&build->model->facts, "lsan_options");
    size_t length = 0;
    const char *value = lsan_option(options, "suppressions", &length);
    struct error error = {.code = VMT_OK};
    struct stat status;
    if (!value || length == 0)
        return true;
    const char *path = arena_string(build->arena, value, length);
    const char *directory = process_facts_get(&build->model->facts, "cwd");
    if (path && *path != '/' && directory)
        path = arena_printf(build->arena, "%s/%s", directory, path);
    if (!path)
        return false;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        error_set(&error, VMT_ERROR_OPEN, "%s: no regular file", path);
    else if (suppression_list_read(build->suppressions, path, &error) == VMT_ERROR_MEMORY)
        return false;
    return error.code == VMT_OK ||
           string_list_add(&build->suppression_notes,
                           arena_printf(build->arena, "LSAN_OPTIONS: %s", error.message));
}

static bool report_add_builtin(struct report_build *build)
{
    const struct suppression_list *builtin = build->options->builtin;
    return builtin ? suppression_list_join(build->suppressions, builtin)
                   : suppression_list_add_builtin(build->suppressions, NULL) == VMT_OK;
}

static bool report_gather_suppressions(struct report_build *build)
{
    const struct suppression_list *user = build->options->suppressions;
    build->suppressions = suppression_list_new();
    return build->suppressions && (!user || suppression_list_join(build->suppressions, user)) &&
           report_add_options_file(build) && report_add_programs(build) &&
           report_add_builtin(build);
}

/* Whether leaked_* has it; see report_count_leak. */
static bool report_is_counted(const struct report *report, const struct report_leak *leak)
{
    bool lost = leak->class == REPORT_LEAK_DEFINITE || leak->class == REPORT_LEAK_INDIRECT;
    return !leak->pool && (lost || !report->judge);
}

void report_suppress(struct report *report, struct report_leak *leak)
{
    leak->suppressed = true;
    if (!report_is_counted(report, leak))
        return;
    report->leaked_bytes -= leak->bytes;
    report->leaked_blocks -= leak->blocks;
    report->suppressed_bytes += leak->bytes;
    report->suppressed_blocks += leak->blocks;
}

/* Those that are hidden for their own stacks' sake. */
static bool report_suppress_by_stack(struct report_build *build, uint32_t *hidden_by, size_t *count)
{
    struct report *report = build->report;
    struct report_leak *leaks = report_own_leaks(build);
    bool good = true;
    for (size_t i = 0; i < report->leak_count && good; i++) {
        struct report_leak *leak = &leaks[i];
        struct suppression_query query = {.type = SUPPRESSION_LEAK,
                                          .kind = report_suppression_kind(leak->class)};
        struct suppression *found =
            report_find(build, leak->site->stack, leak->site->kind, query, &good);
        if (!found)
            continue;
        report_suppress(report, leak);
        found->matches++;
        found->blocks += leak->blocks;
        found->bytes += leak->bytes;
        hidden_by[i] = (uint32_t)(found - build->suppressions->items) + 1;
        (*count)++;
    }
    return good;
}

bool report_suppress_leaks(struct report_build *build)
{
    size_t count = 0;
    uint32_t *hidden_by = calloc(build->report->leak_count + 1, sizeof(*hidden_by));
    bool good = hidden_by && report_gather_suppressions(build) &&
                report_suppress_by_stack(build, hidden_by, &count) &&
                (count == 0 || report_suppress_children(build, hidden_by));
    free(hidden_by);
    return good;
}

static bool report_is_release(const struct report_error *error)
{
    static const char *const kinds[] = {"double-free", "invalid-free", "mismatched-free",
                                        "realloc-after-free"};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i], error->kind) == 0)
            return true;
    return false;
}

bool report_suppress_errors(struct report_build *build)
{
    bool good = true;
    for (size_t i = 0; i < build->report->error_count && good; i++) {
        struct report_error *error = (struct report_error *)&build->report->errors[i];
        if (!report_is_release(error))
            continue;
        struct suppression *found =
            report_find(build, error->stack, "release",
                        (struct suppression_query){.type = SUPPRESSION_FREE}, &good);
        if (!found)
            continue;
        error->suppressed = true;
        found->matches++;
    }
    return good;
}

static bool report_note_skips(struct report_build *build)
{
    const struct suppression_list *list = build->suppressions;
    for (size_t i = 0; i < list->skip_count; i++) {
        const struct suppression_skip *skip = &list->skips[i];
        const char *note = arena_printf(
            build->arena,
            "%s: %zu suppression%s other tools or errors not used (first %.80s, line %u)",
            skip->file, skip->count, skip->count == 1 ? " for" : "s for", skip->first, skip->line);
        if (!string_list_add(&build->suppression_notes, note))
            return false;
    }
    return true;
}

/* Suppressions that hid something, and the user's others. */
bool report_list_suppressions(struct report_build *build)
{
    const struct suppression_list *list = build->suppressions;
    size_t count = 0;
    struct report_suppression *used = arena_array(build->arena, list->count, sizeof(*used));
    if (!used)
        return false;
    for (size_t i = 0; i < list->count; i++) {
        const struct suppression *item = &list->items[i];
        if (item->builtin && item->matches == 0)
            continue;
        used[count] = (struct report_suppression){
            .name = report_copy(build, item->name),
            .file = report_copy(build, item->file),
            .line = item->line,
            .type = item->pattern                    ? "leak"
                    : item->type == SUPPRESSION_LEAK ? "Memcheck:Leak"
                                                     : "Memcheck:Free",
            .builtin = item->builtin,
            .matches = item->matches,
            .blocks = item->blocks,
            .bytes = item->bytes,
        };
        if (!used[count].name || !used[count].file)
            return false;
        count++;
    }
    build->report->suppressions = used;
    build->report->suppression_count = count;
    return report_note_skips(build);
}
