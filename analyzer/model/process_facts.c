/* SPDX-License-Identifier: Apache-2.0 */
#include "model/process_facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/vector.h"

void process_facts_release(struct process_facts *facts)
{
    free(facts->facts);
    free(facts->arguments);
}

static struct fact *process_find_fact(const struct process_facts *facts, const char *key)
{
    for (size_t i = 0; i < facts->fact_count; i++) {
        if (strcmp(facts->facts[i].key, key) == 0)
            return &facts->facts[i];
    }
    return NULL;
}

const char *process_facts_get(const struct process_facts *facts, const char *key)
{
    const struct fact *fact = process_find_fact(facts, key);
    return fact ? fact->value : NULL;
}

static bool process_add_fact(struct process_facts *facts, struct arena *arena,
                             const struct event_string *strings)
{
    if (facts->fact_count == FACTS_MAX)
        return true;
    if (facts->fact_count == facts->fact_capacity &&
        !vector_grow(&facts->facts, &facts->fact_capacity, sizeof(*facts->facts)))
        return false;
    struct fact fact = {arena_string(arena, strings[0].bytes, strings[0].length),
                        arena_string(arena, strings[1].bytes, strings[1].length)};
    if (!fact.key || !fact.value)
        return false;
    struct fact *known = process_find_fact(facts, fact.key);
    if (known)
        known->value = fact.value;
    else
        facts->facts[facts->fact_count++] = fact;
    return true;
}

static bool process_add_argument(struct process_facts *facts, struct arena *arena,
                                 const struct event_cold *argument)
{
    const struct event_string *text = &argument->strings[0];
    if (facts->argument_count == ARGUMENTS_MAX)
        return true;
    if (facts->argument_count == facts->argument_capacity &&
        !vector_grow(&facts->arguments, &facts->argument_capacity, sizeof(*facts->arguments)))
        return false;
    struct argument *added = &facts->arguments[facts->argument_count++];
    *added = (struct argument){argument->values[0], arena_string(arena, text->bytes, text->length)};
    return added->text != NULL;
}

static void process_lose(struct process_facts *facts, const uint64_t *values)
{
    struct loss *loss = &facts->losses[values[0] < LOSS_REASONS ? values[0] : 0];
    if (loss->records++ == 0)
        loss->error = values[1];
}

static void process_end(struct process_facts *facts, const uint64_t *values)
{
    facts->ended = true;
    facts->crash_signal = 0;
    facts->end_how = values[0];
    facts->end_status = values[1];
    facts->end_minor = values[2];
    facts->end_major = values[3];
    facts->end_max_rss = values[4];
    facts->end_user_ns = values[5];
    facts->end_system_ns = values[6];
}

static bool process_exec(struct process_facts *facts, struct arena *arena,
                         const struct event_string *path)
{
    facts->replaced = true;
    facts->exec_path = arena_string(arena, path->bytes, path->length);
    return facts->exec_path != NULL;
}

bool process_facts_apply(struct process_facts *facts, struct arena *arena,
                         const struct event *event)
{
    const struct event_cold *cold = &event->cold;
    switch (event->op) {
    case VMT_OP_FACT:
        return process_add_fact(facts, arena, cold->strings);
    case VMT_OP_ARGUMENT:
        return process_add_argument(facts, arena, cold);
    case VMT_OP_FORK:
        facts->forks++;
        return true;
    case VMT_OP_EXEC:
        return process_exec(facts, arena, &cold->strings[0]);
    case VMT_OP_EXEC_FAILED:
        facts->replaced = false;
        return true;
    case VMT_OP_CRASH:
        if (!(cold->rest.length && (uint8_t)cold->rest.bytes[0] & VMT_CRASH_HANDLED))
            facts->crash_signal = cold->values[0] < 128 ? (int)cold->values[0] : 0;
        return true;
    case VMT_OP_END:
        process_end(facts, cold->values);
        return true;
    case VMT_OP_LOST:
        process_lose(facts, cold->values);
        return true;
    case VMT_OP_FAULT_SOURCE:
        if (cold->values[0] < 3)
            facts->fault_sources[cold->values[0]] = true;
        return true;
    default:
        return true;
    }
}
