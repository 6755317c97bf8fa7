/* cli/dashboard/assets.c -- see the header. No state. */
#include "cli/dashboard/assets.h"

#include <string.h>

#include "base/alloc.h"

extern const unsigned char dashboard_index_html[], dashboard_app_css[], dashboard_base_js[],
    dashboard_charts_js[], dashboard_views_js[], dashboard_app_js[], dashboard_whatif_js[],
    dashboard_teaching_js[], dashboard_terms_js[], dashboard_theme_js[], dashboard_icon_svg[],
    dashboard_uplot_js[], dashboard_uplot_css[];

#define JS "text/javascript; charset=utf-8"
#define CSS "text/css; charset=utf-8"

static const struct {
    const char *path, *type;
    const unsigned char *text; /* ended with a NUL */
} files[] = {
    { "/", "text/html; charset=utf-8", dashboard_index_html },
    { "/theme.js", JS, dashboard_theme_js },
    { "/base.js", JS, dashboard_base_js },
    { "/charts.js", JS, dashboard_charts_js },
    { "/views.js", JS, dashboard_views_js },
    { "/app.js", JS, dashboard_app_js },
    { "/whatif.js", JS, dashboard_whatif_js },
    { "/teaching.js", JS, dashboard_teaching_js },
    { "/terms.js", JS, dashboard_terms_js },
    { "/app.css", CSS, dashboard_app_css },
    { "/icon.svg", "image/svg+xml", dashboard_icon_svg },
    { "/uplot.js", JS, dashboard_uplot_js },
    { "/uplot.css", CSS, dashboard_uplot_css },
};

bool asset_find(const char *path, struct asset *ret_asset)
{
    for (size_t i = 0; i < LP_COUNT(files); i++) {
        if (strcmp(files[i].path, path) != 0)
            continue;
        const char *text = (const char *)files[i].text;
        *ret_asset = (struct asset){ files[i].type, text, strlen(text) };
        return true;
    }
    return false;
}
