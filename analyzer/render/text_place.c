/* SPDX-License-Identifier: Apache-2.0 */
/* A call stack in one line: the program's own frame and who called it. */
#include <stdlib.h>
#include <string.h>

#include "query/own_frame.h"
#include "render/short_name.h"
#include "render/text_report.h"

void text_callers(struct text *text, const struct report_stack *stack, size_t from, size_t columns)
{
    const char *last = from > 0 ? stack->frames[from - 1].function : NULL;
    unsigned written = 0;
    text_style(text, TEXT_DIM);
    for (size_t i = from; i < stack->count && written < 2; i++) {
        const struct report_frame *frame = &stack->frames[i];
        if (!frame->application || text_is_outside(stack, i) || frame->function == NULL ||
            (last && strcmp(last, frame->function) == 0))
            continue;
        size_t least = 8 + (text->options->utf8 ? 3 : 4); /* of a name that means something */
        if (columns < least)
            break;
        fputs(text->options->utf8 ? " \xe2\x86\x90 " : " <- ", text->out);
        size_t room = columns - (least - 8);
        char *brief = short_name(frame->function, room < 24 ? room : 24, text_ellipsis(text));
        text->failed |= brief == NULL;
        size_t used = text_name(text, brief ? brief : frame->function, room < 24 ? room : 24);
        free(brief);
        columns -= used + (least - 8);
        last = frame->function;
        written++;
    }
    text_style(text, TEXT_NORMAL);
}

void text_place(struct text *text, const struct report_stack *stack, size_t columns)
{
    const struct report_frame *own = own_frame(stack);
    if (own == NULL) {
        fputs(stack && stack->lost ? "(stack lost)" : "(no stack)", text->out);
        return;
    }
    text_note_lineless(text, own);
    size_t where = text_where_width(own), least = columns / 3;
    size_t room = columns > where + least ? columns - where : least;
    text_style(text, own->application ? TEXT_BOLD : TEXT_DIM);
    size_t used = text_function(text, own, room);
    text_style(text, own->application ? TEXT_NORMAL : TEXT_DIM);
    text_where(text, own, columns > used + 12 ? columns - used : 12);
    text_style(text, TEXT_NORMAL);
    if (own->application && columns > used + where)
        text_callers(text, stack, (size_t)(own - stack->frames) + 1, columns - used - where);
}
