/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the text format: the section on page faults. */
#ifndef VMTRACE_TEXT_FAULTS_H
#define VMTRACE_TEXT_FAULTS_H

#include "render/text_report.h"

/* text_fault_pairs.c: where the report has any. */
void text_fault_pairs(struct text *text);

/* text_fault_totals.c */
void text_fault_totals(struct text *text);
void text_fault_cost(const struct text *text);
void text_fault_hints(struct text *text);

#endif
