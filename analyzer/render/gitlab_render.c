/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GitLab's code quality report: https://docs.gitlab.com/ee/ci/testing/code_quality.html
 * A finding without a line of source stands at the binary, since the format wants a path.
 */
#include <inttypes.h>

#include "render/findings_render.h"
#include "render/json_stream.h"

static const char *severity(const struct finding *finding)
{
    if (finding->kind == FINDING_ERROR)
        return "critical";
    if (finding->kind == FINDING_LEAK && finding->class == REPORT_LEAK_REACHABLE)
        return "info";
    return finding->fatal ? "major" : "minor";
}

static json_t *location(const struct finding *finding)
{
    const struct report_frame *place = finding_place(&finding->stack);
    bool has_line = place && place->file && place->line > 0;
    json_t *object = json_object(), *lines = json_object();
    json_add(&lines, "begin", json_integer(has_line ? place->line : 1));
    json_add(&object, "path",
             json_text(has_line                 ? finding_relative_path(place->file)
                       : place && place->module ? finding_relative_path(place->module)
                                                : "unknown"));
    json_add(&object, "lines", lines);
    return object;
}

static json_t *issue(const struct finding_set *set, const struct finding *finding)
{
    char fingerprint[24];
    char *body = finding_stack_text(set->arena, &finding->stack, "    ");
    json_t *object = json_object(), *content = json_object();
    snprintf(fingerprint, sizeof(fingerprint), "%016" PRIx64, finding->fingerprint);
    json_add(&object, "description", json_text(finding_message(set->arena, finding)));
    json_add(&object, "check_name", json_text(finding->rule));
    json_add(&object, "fingerprint", json_text(fingerprint));
    json_add(&object, "severity", json_text(severity(finding)));
    json_add(&object, "location", location(finding));
    json_add(&content, "body", body ? json_text(body) : NULL);
    json_add(&object, "content", content);
    return object;
}

bool gitlab_render(const struct finding_set *set, const struct render_options *options, FILE *out)
{
    json_t *list = json_array();
    bool good = list != NULL;
    for (size_t i = 0; good && i < set->count; i++)
        if (finding_is_listed(&set->findings[i], options))
            good = json_array_append_new(list, issue(set, &set->findings[i])) == 0;
    good = good && json_dumpf(list, out, JSON_INDENT(2)) == 0;
    fputc('\n', out);
    json_decref(list);
    return good;
}
