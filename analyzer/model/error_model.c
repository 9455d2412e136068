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
        if (known != error && known->kind == error->kind && known->signal == error->signal &&
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

void error_model_set_stack(struct error_model *model, uint32_t index, uint32_t node)
{
    if (index >= model->count || model->errors[index].node != STACK_NONE)
        return;
    struct memory_error *error = &model->errors[index];
    error->node = node;
    struct memory_error *known = error_model_find(model, error);
    if (known && index + 1 == model->count && error->count == 1) {
        known->count += error->count;
        model->count--; /* others know older ones by index */
    }
}

void error_model_take_back(struct error_model *model, uint32_t index)
{
    if (index >= model->count)
        return;
    struct memory_error *error = &model->errors[index];
    if (index + 1 == model->count && error->count == 1)
        model->count--; /* others know older ones by index */
    else if (error->count > 1)
        error->count--;
}
