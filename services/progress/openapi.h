/* services/progress/openapi.h -- docs/openapi/progress.json, made part of the program. */
#pragma once

extern const char openapi_json[];
