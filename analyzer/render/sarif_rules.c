/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What there is to find, as SARIF's reportingDescriptors: what code hosts show beside a result, and
 * what they sort by.  GitHub's code scanning wants shortDescription, fullDescription and help:
 * docs.github.com, "SARIF support for code scanning".
 */
#include <ctype.h>
#include <string.h>

#include "gate/finding_rules.h"
#include "render/json_stream.h"
#include "render/sarif.h"

/* How a group of rules is presented. */
struct presentation {
    const char *level;     /* note, warning, error */
    const char *severity;  /* GitHub's: recommendation, warning, error */
    const char *precision; /* GitHub's: how often it is right */
    const char *tag;
    const char *help;
};

static const struct presentation leak = {
    "error",
    "error",
    "very-high",
    "memory-leak",
    "The call stack is that of the allocation. When the process ended, no pointer in its memory "
    "led to the block any more, so nothing could have freed it. Look for the path on which its "
    "owner forgets it: an early return, an overwritten pointer, a container that is dropped with "
    "what its elements point to. A leak that is accepted belongs into a baseline "
    "(--save-baseline) or a suppression (--gen-suppressions).",
};
static const struct presentation doubtful_leak = {
    "warning",
    "warning",
    "medium",
    "memory-leak",
    "The call stack is that of the allocation. When the process ended, pointers led into the "
    "block, but none to its start. Some libraries keep such pointers on purpose; a number that "
    "looks like an address may be one of them. Free the block, or keep a pointer to its start.",
};
static const struct presentation kept_block = {
    "note",
    "recommendation",
    "very-high",
    "memory-leak",
    "The call stack is that of the allocation. The block was still in use when the process ended. "
    "This is a leak only if there are more of them the longer the process runs.",
};
static const struct presentation unknown_block = {
    "note",
    "recommendation",
    "very-high",
    "memory-leak",
    "The call stack is that of the allocation. The block is younger than the last search of the "
    "process's memory, or there was none: it may have been in use or lost.",
};
static const struct presentation misuse = {
    "error",
    "error",
    "very-high",
    "memory-safety",
    "The call stack is that of the faulty call; those of the block's allocation and release follow "
    "where they are known. Memory errors corrupt the heap: what the program does afterwards "
    "is undefined. Find out which of the two owners must not release the block.",
};
static const struct presentation crash = {
    "error",
    "error",
    "very-high",
    "crash",
    "The call stack is that of the thread that received the signal. Of a bad memory access the "
    "message names the block or mapping that the address belongs to, if there is one.",
};
static const struct presentation growth = {
    "warning",
    "warning",
    "medium",
    "memory-growth",
    "Resident memory went on growing until the process ended. vmtrace-report --growth shows to "
    "whom the memory belongs that came to it.",
};

static const struct presentation *presentation_of(const struct finding_rule *rule)
{
    static const struct {
        const char *id;
        const struct presentation *presentation;
    } known[] = {
        {"definite-leak", &leak},          {"indirect-leak", &leak},
        {"possible-leak", &doubtful_leak}, {"reachable-block", &kept_block},
        {"unfreed-block", &unknown_block}, {"double-free", &misuse},
        {"invalid-free", &misuse},         {"mismatched-free", &misuse},
        {"realloc-after-free", &misuse},   {"munmap-of-heap", &misuse},
        {"memory-growth", &growth},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i].id, rule->id) == 0)
            return known[i].presentation;
    return &crash;
}

/* "DefiniteLeak" of "definite-leak". */
static json_t *rule_name(const char *id)
{
    char name[64], *end = name;
    for (bool start = true; *id && end < name + sizeof(name) - 1; id++) {
        if (*id != '-')
            *end++ = (char)(start ? toupper((unsigned char)*id) : *id);
        start = *id == '-';
    }
    *end = '\0';
    return json_text(name);
}

static json_t *rule_object(const struct finding_rule *rule)
{
    const struct presentation *as = presentation_of(rule);
    json_t *object = json_object(), *level = json_object(), *properties = json_object();
    json_add(&object, "id", json_text(rule->id));
    if (strchr(rule->id, '-')) /* it must not be the id over again */
        json_add(&object, "name", rule_name(rule->id));
    json_add(&object, "shortDescription", sarif_message(rule->description));
    json_add(&object, "fullDescription", sarif_message(rule->description));
    json_add(&object, "help", sarif_message(as->help));
    json_add(&level, "level", json_text(as->level));
    json_add(&object, "defaultConfiguration", level);
    json_add(&properties, "precision", json_text(as->precision));
    json_add(&properties, "problem.severity", json_text(as->severity));
    json_add(&properties, "tags", sarif_list_of(json_text(as->tag)));
    json_add(&object, "properties", properties);
    return object;
}

json_t *sarif_rules(void)
{
    json_t *list = json_array();
    size_t position = 0;
    for (const struct finding_rule *rule; (rule = finding_rule_next(&position)) != NULL;)
        sarif_append(&list, rule_object(rule));
    return list;
}

json_t *sarif_rule_index(const char *id)
{
    size_t position = 0;
    for (const struct finding_rule *rule; (rule = finding_rule_next(&position)) != NULL;)
        if (strcmp(rule->id, id) == 0)
            return json_integer((json_int_t)position - 1);
    return json_integer(-1);
}
