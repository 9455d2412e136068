/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SARIF 2.1.0: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
 *
 * GitHub rejects logs of more than MOST_RESULTS results and shows none without a location.  It
 * tells results apart by partialFingerprints.primaryLocationLineHash, which its upload-sarif action
 * computes from the source line, and warns of any other value there; so that one is left to it.
 */
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "render/json_stream.h"
#include "render/sarif.h"

enum { MOST_RESULTS = 25000 };

json_t *sarif_message(const char *text)
{
    json_t *object = json_object();
    json_add(&object, "text", json_text(text));
    return object;
}

json_t *sarif_list_of(json_t *item)
{
    json_t *list = json_array();
    sarif_append(&list, item);
    return list;
}

void sarif_append(json_t **list, json_t *item)
{
    if (!*list || !item) {
        json_decref(item);
        json_decref(*list);
        *list = NULL;
    } else if (json_array_append_new(*list, item) != 0) {
        json_decref(*list);
        *list = NULL;
    }
}

/* Unless the list is empty. */
static void add_list(json_t **object, const char *key, json_t *list)
{
    if (list && json_array_size(list) == 0)
        json_decref(list);
    else
        json_add(object, key, list);
}

static json_t *stack(struct arena *arena, const struct finding_stack *from, const char *what)
{
    json_t *object = json_object(), *frames = json_array();
    for (size_t i = 0; i < from->count; i++) {
        json_t *frame = json_object();
        json_add(&frame, "location", sarif_location(arena, &from->frames[i]));
        if (from->frames[i].module)
            json_add(&frame, "module", json_text(from->frames[i].module));
        sarif_append(&frames, frame);
    }
    json_add(&object, "message", sarif_message(what));
    json_add(&object, "frames", frames);
    return object;
}

static json_t *stacks(struct arena *arena, const struct finding *finding)
{
    json_t *list = json_array();
    if (finding->stack.count)
        sarif_append(&list, stack(arena, &finding->stack,
                                  finding->kind == FINDING_LEAK ? "allocated by" : "happened in"));
    if (finding->allocated.count)
        sarif_append(&list, stack(arena, &finding->allocated, "the block was allocated by"));
    if (finding->freed.count)
        sarif_append(&list, stack(arena, &finding->freed, "it had been freed by"));
    return list;
}

/* The way through the program's own code, which GitHub shows; it knows nothing of stacks. */
static json_t *code_flow(struct arena *arena, const struct finding_stack *from)
{
    json_t *flow = json_object(), *thread = json_object(), *steps = json_array();
    for (size_t i = from->count; i-- > 0;) {
        const struct report_frame *frame = &from->frames[i];
        json_t *step = json_object(), *place;
        if (!frame->application || !finding_has_line(frame)) {
            json_decref(step);
            continue;
        }
        place = sarif_location(arena, frame);
        json_add(&place, "message", sarif_message(frame->function ? frame->function : "?"));
        json_add(&step, "location", place);
        sarif_append(&steps, step);
    }
    if (steps && json_array_size(steps) < 2) { /* the result's own location says as much */
        json_decref(flow);
        json_decref(thread);
        json_decref(steps);
        return json_array();
    }
    json_add(&thread, "locations", steps);
    json_add(&flow, "threadFlows", sarif_list_of(thread));
    return sarif_list_of(flow);
}

static json_t *locations(const struct finding_set *set, const struct finding *finding)
{
    const struct report_frame *place = finding_place(&finding->stack);
    struct finding_location where = finding_locate(set, finding);
    if (finding_has_line(place))
        return sarif_list_of(sarif_location(set->arena, place));
    if (!where.path)
        return json_array();
    json_t *object = json_object(), *physical = json_object();
    json_add(&physical, "artifactLocation", sarif_artifact(set->arena, where.path));
    json_add(&object, "physicalLocation", physical);
    return sarif_list_of(object);
}

/* Where an error's block comes from: places that a message may link to by number. */
static void add_related(json_t **list, struct arena *arena, const struct finding_stack *from,
                        int number, const char *what)
{
    const struct report_frame *place = finding_place(from);
    if (!finding_has_line(place))
        return;
    json_t *object = sarif_location(arena, place);
    json_add(&object, "id", json_integer(number));
    json_add(&object, "message", sarif_message(what));
    sarif_append(list, object);
}

/* Embedded links: section 3.11.6 of the standard. */
static json_t *result_message(const struct finding_set *set, const struct finding *finding)
{
    char *text = finding_message(set->arena, finding);
    bool allocated = finding_has_line(finding_place(&finding->allocated));
    bool freed = finding_has_line(finding_place(&finding->freed));
    if (text && (allocated || freed))
        text = arena_printf(set->arena, "%s (%s%s%s)", text, allocated ? "[allocated](1)" : "",
                            allocated && freed ? ", " : "", freed ? "[freed](2)" : "");
    return text ? sarif_message(text) : NULL;
}

static json_t *fingerprints(const struct finding *finding)
{
    char text[24];
    json_t *object = json_object();
    snprintf(text, sizeof(text), "%016" PRIx64, finding->fingerprint);
    json_add(&object, "vmtrace/v1", json_text(text));
    return object;
}

static json_t *properties(const struct finding_set *set, const struct finding *finding)
{
    json_t *object = json_object(), *pids = json_array();
    for (size_t i = 0; i < finding->process_count; i++)
        sarif_append(&pids, json_integer(set->processes[finding->processes[i]].pid));
    if (finding->kind == FINDING_LEAK) {
        json_add(&object, "bytes", json_count(finding->bytes));
        json_add(&object, "blocks", json_count(finding->blocks));
    }
    json_add(&object, "processes", pids);
    return object;
}

static json_t *result(const struct finding_set *set, const struct finding *finding)
{
    static const char *const states[] = {
        [FINDING_NEW] = "new", [FINDING_GROWN] = "updated", [FINDING_KNOWN] = "unchanged"};
    json_t *object = json_object(), *related = json_array();
    add_related(&related, set->arena, &finding->allocated, 1, "the block was allocated here");
    add_related(&related, set->arena, &finding->freed, 2, "the block was freed here");
    json_add(&object, "ruleId", json_text(finding->rule));
    json_add(&object, "ruleIndex", sarif_rule_index(finding->rule));
    json_add(&object, "level", json_text(finding->fatal ? "error" : "note"));
    json_add(&object, "message", result_message(set, finding));
    add_list(&object, "locations", locations(set, finding));
    add_list(&object, "relatedLocations", related);
    add_list(&object, "stacks", stacks(set->arena, finding));
    add_list(&object, "codeFlows", code_flow(set->arena, &finding->stack));
    json_add(&object, "partialFingerprints", fingerprints(finding));
    if (states[finding->state])
        json_add(&object, "baselineState", json_text(states[finding->state]));
    json_add(&object, "properties", properties(set, finding));
    return object;
}

static json_t *tool(void)
{
    json_t *object = json_object(), *driver = json_object();
    json_add(&driver, "name", json_text("vmtrace"));
    json_add(&driver, "version", json_text(VMTRACE_VERSION));
    json_add(&driver, "rules", sarif_rules());
    json_add(&object, "driver", driver);
    return object;
}

static json_t *notification(const char *level, const char *text)
{
    json_t *object = json_object();
    json_add(&object, "level", json_text(level));
    json_add(&object, "message", sarif_message(text));
    return object;
}

static void add_end(json_t **object, const struct finding_process *process)
{
    const char *name = sigabbrev_np(process->signal);
    if (process->end == REPORT_END_EXIT && process->exit_status >= 0 && !process->unread)
        json_add(object, "exitCode", json_integer(process->exit_status));
    if (process->end != REPORT_END_SIGNAL || process->signal <= 0)
        return;
    json_add(object, "exitSignalNumber", json_integer(process->signal));
    if (name) {
        char text[32];
        snprintf(text, sizeof(text), "SIG%s", name);
        json_add(object, "exitSignalName", json_text(text));
    }
}

/* A process that could not be judged is a failure of the tool, not a result. */
static json_t *invocation(const struct finding_process *process)
{
    json_t *object = json_object();
    json_add(&object, "executionSuccessful", json_boolean(process->unchecked == NULL));
    if (process->pid)
        json_add(&object, "processId", json_integer(process->pid));
    if (process->command)
        json_add(&object, "commandLine", json_text(process->command));
    add_end(&object, process);
    if (process->unchecked)
        json_add(&object, "toolExecutionNotifications",
                 sarif_list_of(notification("error", process->unchecked)));
    return object;
}

/* Of results that are left out. */
static json_t *left_out(struct arena *arena, size_t count)
{
    json_t *object = json_object();
    char *text = arena_printf(arena, "%zu more findings are left out: code hosts take %d at most",
                              count, MOST_RESULTS);
    json_add(&object, "executionSuccessful", json_true());
    json_add(&object, "toolExecutionNotifications",
             text ? sarif_list_of(notification("warning", text)) : NULL);
    return object;
}

static void write_invocations(struct json_stream *stream, const struct finding_set *set,
                              size_t listed)
{
    json_stream_open(stream, "invocations", '[');
    for (size_t i = 0; i < set->process_count; i++)
        json_stream_item(stream, invocation(&set->processes[i]));
    if (listed > MOST_RESULTS)
        json_stream_item(stream, left_out(set->arena, listed - MOST_RESULTS));
    json_stream_close(stream, ']');
}

/* What trips the gate first: it must not be what is left out. */
static void write_results(struct json_stream *stream, const struct finding_set *set,
                          const struct render_options *options)
{
    size_t left = MOST_RESULTS;
    json_stream_open(stream, "results", '[');
    for (unsigned fatal = 2; fatal-- > 0;) {
        for (size_t i = 0; i < set->count && left > 0; i++) {
            const struct finding *finding = &set->findings[i];
            if (finding->fatal != fatal || !finding_is_told(finding, options))
                continue;
            json_stream_item(stream, result(set, finding));
            left--;
        }
    }
    json_stream_close(stream, ']');
}

bool sarif_render(const struct finding_set *set, const struct render_options *options, FILE *out)
{
    struct json_stream stream;
    size_t listed = 0;
    for (size_t i = 0; i < set->count; i++)
        listed += finding_is_told(&set->findings[i], options);
    json_stream_begin(&stream, out);
    json_stream_member(&stream, "$schema",
                       json_text("https://json.schemastore.org/sarif-2.1.0.json"));
    json_stream_member(&stream, "version", json_text("2.1.0"));
    json_stream_open(&stream, "runs", '[');
    json_stream_open(&stream, NULL, '{');
    json_stream_member(&stream, "tool", tool());
    json_stream_member(&stream, "originalUriBaseIds", sarif_bases(set->arena));
    write_invocations(&stream, set, listed);
    write_results(&stream, set, options);
    json_stream_close(&stream, '}');
    json_stream_close(&stream, ']');
    return json_stream_end(&stream);
}
