/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of a sampled trace: that they are estimates, and how far off they may be. */
#include <string.h>

#include "render/text_report.h"

struct human text_about(bool estimated, struct human figure)
{
    size_t length = strlen(figure.text);
    bool loose = length == 0 || strchr("<>", figure.text[0]); /* "<1 %" says so itself */
    if (!estimated || loose || length + 2 > sizeof(figure.text))
        return figure;
    memmove(figure.text + 1, figure.text, length + 1);
    figure.text[0] = '~';
    return figure;
}

struct human text_bytes(const struct text *text, uint64_t bytes)
{
    return text_about(text->report->sample_interval > 0, human_bytes(bytes));
}

struct human text_count(const struct text *text, uint64_t count)
{
    return text_about(text->report->sample_interval > 0, human_count(count));
}

struct human text_share(const struct text *text, uint64_t part, uint64_t whole)
{
    return text_about(text->report->sample_interval > 0, human_percent(part, whole));
}

/* "~1.20 MiB ±28 %"; where no sample was, what the margin says about the most that there may be. */
static struct human within(const struct text *text, struct human figure, struct human most,
                           uint64_t value, uint64_t margin)
{
    struct human human;
    if (value == 0)
        snprintf(human.text, sizeof(human.text), "<%.38s", most.text);
    else
        snprintf(human.text, sizeof(human.text), "~%.20s %s%.12s", figure.text,
                 text->options->utf8 ? "\xc2\xb1" : "+-", human_percent(margin, value).text);
    return human;
}

struct human text_bytes_within(const struct text *text, bool estimated, uint64_t bytes,
                               uint64_t margin)
{
    struct human figure = human_bytes(bytes);
    return estimated ? within(text, figure, human_bytes(margin), bytes, margin) : figure;
}

struct human text_count_within(const struct text *text, bool estimated, uint64_t count,
                               uint64_t margin)
{
    struct human figure = human_count(count);
    return estimated ? within(text, figure, human_count(margin), count, margin) : figure;
}
