/* SPDX-License-Identifier: Apache-2.0 */
#include "model/error_model.h"

#include <stdlib.h>

#include "base/vector.h"

void error_model_release(struct error_model *model)
{
    free(model->errors);
    *model = (struct error_model){0};
}

struct memory_error *error_model_find(struct error_model *model, const struct memory_error *error)
{
    for (size_t i = 0; i < model->count; i++) {
        struct memory_error *known = &model->errors[i];
        if (known->kind == error->kind && known->signal == error->signal &&
            known->node == error->node && known->allocated == error->allocated &&
            known->freed == error->freed && known->released_kind == error->released_kind)
            return known;
    }
    return NULL;
}

uint32_t error_model_add(struct error_model *model, const struct memory_error *error)
{
    struct memory_error *known = error_model_find(model, error);
    if (known) {
        known->count++;
        return (uint32_t)(known - model->errors);
    }
    if (model->count == ERROR_MAX ||
        (model->count == model->capacity &&
         !vector_grow(&model->errors, &model->capacity, sizeof(*model->errors)))) {
        model->dropped++;
        return ERROR_NONE;
    }
    model->errors[model->count] = *error;
    model->errors[model->count].count = 1;
    return (uint32_t)model->count++;
}
