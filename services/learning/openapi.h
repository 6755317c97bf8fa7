/* services/learning/openapi.h -- what is made part of the program. */
#pragma once

extern const char openapi_json[]; /* docs/openapi/learning.json */
extern const char starter_json[]; /* services/learning/content/starter.json */
