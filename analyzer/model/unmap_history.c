/* SPDX-License-Identifier: Apache-2.0 */
#include "model/unmap_history.h"

#include <stdlib.h>

void unmap_history_release(struct unmap_history *history)
{
    free(history->ring);
    *history = (struct unmap_history){0};
}

bool unmap_history_push(struct unmap_history *history, const struct unmapped_piece *piece)
{
    if (!history->ring)
        history->ring = calloc(UNMAP_HISTORY_SIZE, sizeof(*history->ring));
    if (!history->ring)
        return false;
    history->ring[history->count++ % UNMAP_HISTORY_SIZE] = *piece;
    return true;
}

const struct unmapped_piece *unmap_history_covering(const struct unmap_history *history,
                                                    uint64_t address)
{
    uint64_t held = history->count < UNMAP_HISTORY_SIZE ? history->count : UNMAP_HISTORY_SIZE;
    for (uint64_t i = 1; i <= held; i++) {
        const struct unmapped_piece *piece =
            &history->ring[(history->count - i) % UNMAP_HISTORY_SIZE];
        if (address >= piece->start && address < piece->end)
            return piece;
    }
    return NULL;
}
