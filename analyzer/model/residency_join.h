/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins the pages of a snapshot with the live blocks, mappings, stacks and modules of its
 * moment: one sweep over the address space, after one sort of the live blocks.
 */
#ifndef VMTRACE_MODEL_RESIDENCY_JOIN_H
#define VMTRACE_MODEL_RESIDENCY_JOIN_H

#include "model/residency_model.h"

/* Sorts, and cuts off what overlaps an earlier one: only a damaged trace has such. */
void residency_capture_sort(struct residency_capture *capture);

/* Makes *snapshot of what model->capture has taken in, and fills in what its regions hold.  False
 * when out of memory. */
bool residency_join(struct residency_model *model, struct residency *snapshot);

#endif
