/* SPDX-License-Identifier: Apache-2.0 */
/* The requests that are about cohorts. */
#ifndef HG_SERVICE_COHORTS_H
#define HG_SERVICE_COHORTS_H

#include "service.h"

/* 0 or a negative errno, with a line in `error`; the answer is in service->response. */
int hg_service_cohorts(struct hg_service *service, char *error);

#endif
