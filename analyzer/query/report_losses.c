/* SPDX-License-Identifier: Apache-2.0 */
/* Why events were not recorded, in words that say what to do about it. */
#include <errno.h>
#include <string.h>

#include "query/report_build.h"

#define LOSS "a part of the recording was lost: "

struct loss_words {
    uint64_t reason; /* VMT_LOST_* */
    int error;       /* 0: any other, which is told */
    const char *text;
};

static const struct loss_words words[] = {
    {VMT_LOST_SPACE, ENOSPC,
     "the disk with the trace was full; free some of it, or trace to another"},
    {VMT_LOST_SPACE, EDQUOT,
     "the disk quota was used up; free some of it, or trace to another disk"},
    {VMT_LOST_SPACE, EFBIG, "the trace reached the limit of a file's size; raise that (ulimit -f)"},
    {VMT_LOST_SPACE, 0, "no space for the trace"},
    {VMT_LOST_MAX_SIZE, 0, "the trace reached VMTRACE_MAX_SIZE; raise that"},
    {VMT_LOST_MEMORY, ENOMEM,
     "the address space was used up; raise its limit if there is one (ulimit -v)"},
    {VMT_LOST_MEMORY, 0, "the recorder could not map memory"},
    {VMT_LOST_REENTRY, 0, "signal handlers were nested too deeply"},
    {VMT_LOST_FILE, EMFILE,
     "the process had no descriptor left to make its trace larger; raise their limit (ulimit -n)"},
    {VMT_LOST_FILE, ENFILE,
     "the system had no descriptor left to make the trace larger; raise fs.file-max (sysctl)"},
    {VMT_LOST_FILE, ENOENT, "the trace file was gone; let nobody delete it while it is written"},
    {VMT_LOST_FILE, ESTALE, "the trace file was replaced; let nobody do that while it is written"},
    {VMT_LOST_FILE, 0, "the trace file could not be opened again"},
};

static const struct loss_words *loss_words_find(uint64_t reason, uint64_t error)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (words[i].reason == reason && (words[i].error == 0 || (uint64_t)words[i].error == error))
            return &words[i];
    return NULL;
}

/* NULL when out of memory. */
static const char *loss_tell(struct report_build *build, uint64_t reason, const struct loss *loss)
{
    const struct loss_words *found = loss_words_find(reason, loss->error);
    bool known = !(found && found->error) && loss->error > 0 && loss->error < 4096;
    return arena_printf(build->arena, LOSS "%s%s%s",
                        found ? found->text : "this version does not know why", known ? ": " : "",
                        known ? strerror((int)loss->error) : "");
}

bool report_note_losses(struct report_build *build)
{
    const struct process_facts *facts = &build->model->facts;
    struct report *report = build->report;
    for (size_t i = 0; i < LOSS_REASONS; i++) {
        const char *told = facts->losses[i].records ? loss_tell(build, i, &facts->losses[i]) : "";
        if (!told)
            return false;
        if (!*told)
            continue;
        if (!report->loss)
            report->loss = told;
        if (!string_list_add(&build->notes, told))
            return false;
    }
    if (report->lost_events == 0)
        return true;
    if (!report->loss)
        report->loss = LOSS "a thread could not begin to record";
    return string_list_add(
        &build->notes,
        arena_printf(
            build->arena, "%llu event%s not recorded; figures are too low by what they held",
            (unsigned long long)report->lost_events, report->lost_events == 1 ? " was" : "s were"));
}
