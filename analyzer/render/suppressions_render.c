/* SPDX-License-Identifier: Apache-2.0 */
/* What was reported as suppressions, to be saved and given to --suppressions, valgrind or
 * LeakSanitizer. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/path_name.h"
#include "query/own_frame.h"
#include "render/findings_render.h"
#include "render/human.h"
#include "render/renderer.h"

#define MOST_LINES 24 /* frames that valgrind reads of one suppression (VG_MAX_SUPP_CALLERS) */

/* One suppression; `text` is what must not be told twice. */
struct entry {
    char *text;
    const char *class; /* of the leak, or the kind of error */
    uint64_t bytes, blocks;
    size_t number; /* as reported */
};

struct entry_list {
    struct entry *entries;
    size_t count;
};

typedef bool entry_writer(FILE *out, const char *class, const char *kind,
                          const struct report_stack *stack);

static const char *class_name(enum report_leak_class class)
{
    static const char *const names[] = {
        [REPORT_LEAK_DEFINITE] = "definite",   [REPORT_LEAK_INDIRECT] = "indirect",
        [REPORT_LEAK_POSSIBLE] = "possible",   [REPORT_LEAK_REACHABLE] = "reachable",
        [REPORT_LEAK_UNSCANNED] = "unscanned",
    };
    return names[class];
}

/* A line ends with the name; what cannot stand there becomes a wildcard. */
static void write_name(FILE *out, const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++)
        fputc(iscntrl((unsigned char)name[i]) ? '*' : name[i], out);
}

/* How valgrind calls the function that its stacks begin with; operator new has forms that the trace
 * does not tell apart. */
static const char *valgrind_allocator(const char *kind)
{
    static const char *const kinds[][2] = {
        {"new", "fun:_Znw*"},
        {"new (aligned)", "fun:_Znw*"},
        {"new[]", "fun:_Zna*"},
        {"new[] (aligned)", "fun:_Zna*"},
        {"malloc", "fun:malloc"},
        {"calloc", "fun:calloc"},
        {"realloc", "fun:realloc"},
        {"memalign", "fun:memalign"},
        {"valloc", "fun:valloc"},
        {"posix_memalign", "fun:posix_memalign"},
        {"aligned_alloc", "fun:aligned_alloc"},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i][0], kind) == 0)
            return kinds[i][1];
    return "fun:*";
}

/* Its functions have several names each, of which everybody chooses another one. */
static bool is_libc(const char *module)
{
    return module && (strncmp(path_name(module), "libc.", 5) == 0 ||
                      strncmp(path_name(module), "libc-", 5) == 0 ||
                      strncmp(path_name(module), "ld-", 3) == 0);
}

static void write_frame(FILE *out, const struct report_frame *frame, const char *name)
{
    if (name && !is_libc(frame->module)) {
        size_t length = strcspn(name, "@"); /* valgrind keeps a symbol's version, we do not */
        fputs("   fun:", out);
        write_name(out, name, length);
        fputs(name[length] ? "*" : "", out);
    } else {
        const char *module = frame->module ? path_name(frame->module) : "";
        fputs("   obj:*", out);
        fputs(*module ? "/" : "", out);
        write_name(out, module, strlen(module));
    }
    fputc('\n', out);
}

/* Which functions are inlined valgrind sees in its own way, so any may stand there. */
static void write_frames(FILE *out, const struct report_stack *stack)
{
    bool skipped = false;
    for (size_t i = 0, lines = 1; i < stack->count && lines < MOST_LINES - 1; i++) {
        const struct report_frame *frame = &stack->frames[i];
        const char *name = frame->linkage ? frame->linkage : frame->function;
        if (frame->inlined) {
            skipped = true;
            continue;
        }
        if (skipped) {
            fputs("   ...\n", out);
            lines++;
        }
        skipped = false;
        write_frame(out, frame, name);
        lines++;
        if (name && strcmp(name, "main") == 0)
            return;
    }
}

static bool write_valgrind(FILE *out, const char *class, const char *kind,
                           const struct report_stack *stack)
{
    const struct report_frame *own = own_frame(stack);
    bool leak = class != NULL;
    fputs("{\n   ", out);
    fputs(leak ? class : kind, out);
    if (own && own->function) {
        fputs(" in ", out);
        write_name(out, own->function, strlen(own->function));
    }
    fprintf(out, "\n   Memcheck:%s\n", leak ? "Leak" : "Free");
    /* Without a scan it may be of any class. */
    if (leak && strcmp(class, "unscanned") != 0)
        fprintf(out, "   match-leak-kinds: %s\n", class);
    fprintf(out, "   %s\n", leak ? valgrind_allocator(kind) : "fun:*");
    write_frames(out, stack);
    fputs("}\n", out);
    return true;
}

static bool is_wrong_release(const char *kind)
{
    return strstr(kind, "-free") != NULL;
}

bool finding_suppress(const struct finding *finding, FILE *out)
{
    const struct report_stack stack = {
        .frames = finding->stack.frames, .count = finding->stack.count, .cut = finding->stack.cut};
    if (stack.count == 0)
        return false;
    if (finding->kind == FINDING_LEAK)
        return write_valgrind(out, class_name(finding->class), finding->allocator, &stack);
    return is_wrong_release(finding->rule) && write_valgrind(out, NULL, finding->rule, &stack);
}

/* The innermost frame that says more than that memory was allocated, not main if possible: all
 * stacks have that. */
static const struct report_frame *telling_frame(const struct report_stack *stack)
{
    const struct report_frame *own = own_frame(stack);
    if (own && own->function && strcmp(own->function, "main") != 0)
        return own;
    for (size_t i = 0; i < stack->count; i++)
        if (stack->frames[i].function && !stack->frames[i].allocator)
            return &stack->frames[i];
    return own ? own : &stack->frames[0];
}

/* Of "ns::f(int) const" the length of "ns::f": parameters are not spelt alike everywhere. */
static size_t without_parameters(const char *name)
{
    const char *close = strrchr(name, ')');
    int depth = 0;
    for (const char *at = close; at && at > name; at--) {
        depth += *at == ')' ? 1 : *at == '(' ? -1 : 0;
        if (depth == 0)
            return (size_t)(at - name);
    }
    return strlen(name);
}

static bool write_lsan(FILE *out, const char *class, const char *kind,
                       const struct report_stack *stack)
{
    const struct report_frame *frame = telling_frame(stack);
    (void)kind;
    if (!class || (!frame->function && !frame->module))
        return false;
    const char *name = frame->function ? frame->function : frame->module;
    name = frame->function ? name : path_name(name);
    size_t length = frame->function ? without_parameters(name) : strlen(name);
    bool whole = frame->function && !strpbrk(name, ":(< ");
    if (strcmp(name, "main") == 0)
        fputs("# (hides every leak of code that main calls)\n", out);
    fputs(whole ? "leak:^" : "leak:", out);
    write_name(out, name, length);
    fputs(whole ? "$\n" : "\n", out);
    return true;
}

/* False: out of memory. */
static bool add_entry(struct entry_list *list, entry_writer *writer, const struct entry *entry,
                      const char *kind, const struct report_stack *stack, bool leak)
{
    struct entry *added = &list->entries[list->count];
    size_t size;
    *added = *entry;
    added->number = list->count;
    added->text = NULL;
    if (!stack || stack->count == 0)
        return true;
    FILE *text = open_memstream(&added->text, &size);
    if (!text)
        return false;
    bool written = writer(text, leak ? entry->class : NULL, kind, stack);
    if (fclose(text) != 0 || !added->text) {
        free(added->text);
        return false;
    }
    if (written)
        list->count++;
    else
        free(added->text);
    return true;
}

static bool gather(struct entry_list *list, entry_writer *writer, const struct report *report,
                   const struct render_options *options)
{
    list->entries = calloc(report->leak_count + report->error_count + 1, sizeof(*list->entries));
    bool good = list->entries != NULL;
    for (size_t i = 0; i < report->leak_count && good; i++) {
        const struct report_leak *leak = &report->leaks[i];
        struct entry entry = {
            .class = class_name(leak->class), .bytes = leak->bytes, .blocks = leak->blocks};
        if (!leak->suppressed && !leak->pool &&
            (options->leak_classes & RENDER_LEAK_BIT(leak->class)))
            good = add_entry(list, writer, &entry, leak->site->kind, leak->site->stack, true);
    }
    for (size_t i = 0; i < report->error_count && good; i++) {
        const struct report_error *error = &report->errors[i];
        struct entry entry = {.class = error->kind, .blocks = error->count};
        if (!error->suppressed && is_wrong_release(error->kind))
            good = add_entry(list, writer, &entry, error->kind, error->stack, false);
    }
    return good;
}

static int by_text(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    int order = strcmp(a->text, b->text);
    return order ? order : (a->number > b->number) - (a->number < b->number);
}

static int by_number(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    return (a->number > b->number) - (a->number < b->number);
}

/* Entries with one text become the first of them, with their sums. */
static void merge(struct entry_list *list)
{
    size_t kept = 0;
    qsort(list->entries, list->count, sizeof(*list->entries), by_text);
    for (size_t i = 0; i < list->count; i++) {
        struct entry *entry = &list->entries[i];
        struct entry *last = kept ? &list->entries[kept - 1] : NULL;
        if (!last || strcmp(last->text, entry->text) != 0) {
            list->entries[kept++] = *entry;
            continue;
        }
        last->bytes += entry->bytes;
        last->blocks += entry->blocks;
        free(entry->text);
    }
    list->count = kept;
    qsort(list->entries, list->count, sizeof(*list->entries), by_number);
}

static bool render(const struct report *report, const struct render_options *options, FILE *out,
                   entry_writer *writer)
{
    struct entry_list list = {0};
    bool good = gather(&list, writer, report, options);
    if (good)
        merge(&list);
    for (size_t i = 0; good && i < list.count; i++) {
        const struct entry *entry = &list.entries[i];
        fprintf(out, "# %s: ", entry->class);
        if (entry->bytes)
            fprintf(out, "%" PRIu64 " byte%s in ", entry->bytes, human_plural(entry->bytes));
        fprintf(out, "%" PRIu64 " %s%s\n%s", entry->blocks, entry->bytes ? "block" : "time",
                human_plural(entry->blocks), entry->text);
    }
    for (size_t i = 0; i < list.count; i++)
        free(list.entries[i].text);
    free(list.entries);
    return good;
}

static bool render_valgrind(const struct report *report, const struct render_options *options,
                            FILE *out)
{
    return render(report, options, out, write_valgrind);
}

static bool render_lsan(const struct report *report, const struct render_options *options,
                        FILE *out)
{
    return render(report, options, out, write_lsan);
}

const struct renderer suppressions_valgrind = {
    .name = "suppressions", .concatenates = true, .render = render_valgrind};
const struct renderer suppressions_lsan = {
    .name = "suppressions", .concatenates = true, .render = render_lsan};
