/* SPDX-License-Identifier: Apache-2.0 */
/* golden_findings WHAT SOURCE: prints the sample findings in one format; SOURCE is not used. */
#include <stdio.h>
#include <string.h>

#include "gate/baseline.h"
#include "render/findings_render.h"
#include "sample_findings.h"

#define ALL_CLASSES 0x1fu

static bool write_baseline(const struct finding_set *set)
{
    struct baseline baseline;
    bool good = baseline_init(&baseline) && baseline_add(&baseline, set, ALL_CLASSES);
    if (good)
        baseline_write(&baseline, stdout);
    baseline_release(&baseline);
    return good;
}

/* WHAT: [none-|supp-]FORMAT, of several processes if the format has room for them. */
static bool write(const char *what)
{
    struct render_options options = {.leak_classes = ALL_CLASSES, .top = 10, .utf8 = true};
    bool none = strncmp(what, "none-", 5) == 0;
    options.suppressions = strncmp(what, "supp-", 5) == 0;
    const char *format = what + (none || options.suppressions ? 5 : 0);
    const struct renderer *renderer = renderer_find(format);
    struct finding_set set;
    bool good = none ? sample_findings_none(&set)
                     : sample_findings(&set, !renderer || !renderer->per_process);
    if (!good)
        return false;
    if (strcmp(format, "baseline") == 0)
        good = write_baseline(&set);
    else if (strcmp(format, "suppressions") == 0)
        good = findings_suppress(&suppressions_valgrind, &set, &options, stdout);
    else
        good = renderer && renderer->findings && renderer->findings(&set, &options, stdout);
    finding_set_release(&set);
    return good;
}

int main(int argc, char **argv)
{
    if (argc != 3 || strncmp(argv[1], "findings-", 9) != 0)
        return 2;
    return write(argv[1] + 9) ? 0 : 1;
}
