/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GitLab's code quality report: https://docs.gitlab.com/ee/ci/testing/code_quality.html
 * GitLab reads it up to the first entry that its schema (codeclimate.json) does not like, and of
 * entries with one fingerprint takes the last.
 * A finding without a line of source stands at the binary, since the format wants a path.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"
#include "base/hash_map.h"
#include "render/findings_render.h"
#include "render/json_stream.h"
#include "render/source_path.h"

static const char *severity(const struct finding *finding)
{
    if (finding->kind == FINDING_ERROR)
        return "critical";
    if (finding->kind == FINDING_LEAK && finding->class == REPORT_LEAK_REACHABLE)
        return "info";
    return finding->fatal ? "major" : "minor";
}

static json_t *location(const char *path, int line)
{
    json_t *object = json_object(), *lines = json_object();
    json_add(&lines, "begin", json_integer(line > 0 ? line : 1));
    json_add(&object, "path", json_text(path ? path : "unknown"));
    json_add(&object, "lines", lines);
    return object;
}

static json_t *fingerprint(uint64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%016" PRIx64, value);
    return json_text(text);
}

static json_t *issue(const struct finding_set *set, const struct finding *finding)
{
    struct finding_location place = finding_locate(set, finding);
    char *body = finding_stacks_text(set->arena, finding, "    ");
    json_t *object = json_object(), *content = json_object();
    json_add(&object, "description", json_text(finding_message(set->arena, finding)));
    json_add(&object, "check_name", json_text(finding->rule));
    json_add(&object, "fingerprint", fingerprint(finding->fingerprint));
    json_add(&object, "severity", json_text(severity(finding)));
    json_add(&object, "location", location(place.path, place.line));
    json_add(&content, "body", body ? json_text(body) : NULL);
    json_add(&object, "content", content);
    free(body);
    return object;
}

/* Of what cannot be called clean.  The pid is not in it: it would be news in each run. */
static json_t *unchecked_issue(const struct finding_set *set, const struct finding_process *process,
                               uint64_t hash)
{
    const char *path = process->exe ? source_path(set->arena, process->exe) : NULL;
    char *text = arena_printf(set->arena, "not checked for leaks: %s: %s",
                              process->command ? process->command : "", process->unchecked);
    json_t *object = json_object();
    json_add(&object, "description", text ? json_text(text) : NULL);
    json_add(&object, "check_name", json_text("not-checked"));
    json_add(&object, "fingerprint", fingerprint(hash));
    json_add(&object, "severity", json_text("info"));
    json_add(&object, "location", location(path, 0));
    return object;
}

/* Each command and reason once: fingerprints must differ. */
static bool add_unchecked(json_t *list, const struct finding_set *set)
{
    struct hash_map seen = {0};
    bool good = true;
    for (size_t i = 0; good && i < set->process_count; i++) {
        const struct finding_process *process = &set->processes[i];
        const char *command = process->command ? process->command : "";
        if (!process->unchecked)
            continue;
        uint64_t hash = fnv_add(FNV_BASIS, command, strlen(command) + 1);
        hash = fnv_add(hash, process->unchecked, strlen(process->unchecked));
        if (hash_map_get(&seen, hash) == HASH_MAP_NONE)
            good = hash_map_put(&seen, hash, 0) &&
                   json_array_append_new(list, unchecked_issue(set, process, hash)) == 0;
    }
    hash_map_release(&seen);
    return good;
}

bool gitlab_render(const struct finding_set *set, const struct render_options *options, FILE *out)
{
    json_t *list = json_array();
    bool good = list != NULL;
    for (size_t i = 0; good && i < set->count; i++)
        if (finding_is_told(&set->findings[i], options))
            good = json_array_append_new(list, issue(set, &set->findings[i])) == 0;
    good = good && add_unchecked(list, set) && json_dumpf(list, out, JSON_INDENT(2)) == 0;
    fputc('\n', out);
    json_decref(list);
    return good;
}
