/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vector.h"
#include "suppress/suppression.h"

#define MOST_BYTES ((size_t)64 << 20) /* of one file */

struct suppression_list *suppression_list_new(void)
{
    struct suppression_list *list = calloc(1, sizeof(*list));
    if (list && !(list->arena = arena_new())) {
        free(list);
        list = NULL;
    }
    return list;
}

void suppression_list_free(struct suppression_list *list)
{
    if (!list)
        return;
    arena_free(list->arena);
    free(list->items);
    free(list->skips);
    free(list);
}

bool suppression_list_join(struct suppression_list *list, const struct suppression_list *other)
{
    size_t count = list->count + other->count, skips = list->skip_count + other->skip_count;
    if (!vector_reserve(&list->items, &list->capacity, count, sizeof(*list->items)) ||
        !vector_reserve(&list->skips, &list->skip_capacity, skips, sizeof(*list->skips)))
        return false;
    for (size_t i = 0; i < other->count; i++) {
        list->items[list->count] = other->items[i];
        list->items[list->count].matches = 0;
        list->items[list->count].blocks = list->items[list->count].bytes = 0;
        list->count++;
    }
    for (size_t i = 0; i < other->skip_count; i++)
        list->skips[list->skip_count++] = other->skips[i];
    return true;
}

/* All of a file that may be a pipe; NULL and the error when that fails. */
static char *read_all(FILE *file, const char *path, size_t *size, struct error *error)
{
    size_t room = 0;
    char *text = NULL;
    for (*size = 0; *size < MOST_BYTES;) {
        if (*size == room) {
            room = room ? room * 2 : 4096;
            char *more = realloc(text, room);
            if (!more) {
                free(text);
                error_no_memory(error);
                return NULL;
            }
            text = more;
        }
        size_t got = fread(text + *size, 1, room - *size, file);
        *size += got;
        if (got == 0)
            break;
    }
    if (!ferror(file) && *size < MOST_BYTES)
        return text;
    int reason = ferror(file) ? errno : EFBIG;
    free(text);
    error_set(error, VMT_ERROR_READ, "%s: cannot be read: %s", path, strerror(reason));
    return NULL;
}

enum vmt_error suppression_list_read(struct suppression_list *list, const char *path,
                                     struct error *error)
{
    size_t size;
    FILE *file = fopen(path, "re");
    if (!file)
        return error_set(error, VMT_ERROR_OPEN, "%s: cannot be opened: %s", path, strerror(errno));
    char *text = read_all(file, path, &size, error);
    fclose(file);
    if (!text)
        return error->code;
    enum vmt_error code = suppression_list_parse(list, path, text, size, error);
    free(text);
    return code;
}
