/* SPDX-License-Identifier: Apache-2.0 */
#include "query/string_list.h"

#include <stdlib.h>

#include "base/vector.h"

void string_list_release(struct string_list *list)
{
    free(list->strings);
    *list = (struct string_list){0};
}

bool string_list_add(struct string_list *list, const char *string)
{
    if (!string || (list->count == list->capacity &&
                    !vector_grow(&list->strings, &list->capacity, sizeof(*list->strings))))
        return false;
    list->strings[list->count++] = string;
    return true;
}
