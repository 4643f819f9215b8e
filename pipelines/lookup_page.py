"""The page for look-ups, as marimo runs it: choose a table, filter, read, and take rows out on record."""

import marimo

app = marimo.App(width="full", app_title="稳岗数据查询")


@app.cell
def _():
    import marimo as mo

    from pipelines import lookup, lookup_view
    from pipelines.lookup_server import desk_of_page

    desk = desk_of_page()

    def need_edition():
        told = lookup_view.unread(desk)
        mo.stop(told is not None, mo.Html(told or ""))

    return desk, lookup, lookup_view, mo, need_edition


@app.cell
def _(desk, lookup, lookup_view, mo, need_edition):
    need_edition()
    titles = [one.title for one in lookup.LOOKUPS]
    table = mo.ui.dropdown(titles, value=titles[0], label="查什么", allow_select_none=False)
    mo.vstack([mo.Html(lookup_view.banner(desk.edition())), table])
    return (table,)


@app.cell
def _(desk, lookup, mo, need_edition, table):
    need_edition()
    chosen = lookup.titled(table.value)
    filters = mo.ui.dictionary(
        {
            name: mo.ui.dropdown(
                {lookup.ALL: None} | {lookup.text(value, desk.contracts.column(name)): value for value in values},
                value=lookup.ALL,
                label=desk.contracts.column(name).label,
                allow_select_none=False,
                searchable=len(values) > 12,
            )
            for name, values in desk.choices(chosen).items()
        }
    )
    search = mo.ui.text(label="企业名称或代码", placeholder="输入一部分即可")
    every = mo.ui.checkbox(label="显示全部字段")
    mo.hstack([*filters.elements.values(), search, every], justify="start", wrap=True, align="end")
    return chosen, every, filters, search


@app.cell
def _(chosen, desk, every, filters, lookup, mo, need_edition, search):
    need_edition()
    asked = lookup.Asked(filters.value, search.value, every.value)
    pages = max(1, -(-desk.find(chosen, asked).total // lookup.ROWS_SHOWN))
    page = mo.ui.number(start=1, stop=pages, value=1, label="页") if pages > 1 else None
    return asked, page


@app.cell
def _(asked, chosen, desk, lookup_view, mo, need_edition, page):
    need_edition()
    number = int(page.value or 1) if page is not None else 1
    found = desk.find(chosen, asked, page=number)
    shown = mo.Html(lookup_view.table(found, number))
    mo.vstack([mo.Html(lookup_view.cautions(chosen)), *([page] if page is not None else []), shown])
    return (found,)


@app.cell
def _(found, lookup_view, mo):
    mo.accordion({"各字段的含义": mo.Html(lookup_view.meanings(found))})
    return


@app.cell
def _(asked, chosen, mo):
    purpose = mo.ui.text(label="用途", placeholder="写明用来做什么", full_width=True)
    take = mo.ui.run_button(label=f"登记并生成文件（{chosen.title}，当前条件的全部行）", disabled=asked is None)
    mo.vstack([mo.md("**取数登记**"), purpose, take])
    return purpose, take


@app.cell
def _(asked, chosen, desk, lookup_view, mo, purpose, take):
    content, line = lookup_view.handed_out(desk, chosen, asked, purpose=purpose.value) if take.value else (None, "")
    name = f"{chosen.title}.csv"
    mo.vstack(
        [mo.Html(f'<div class="wg">{line}</div>')]
        + ([mo.download(content, filename=name, mimetype="text/csv", label=f"保存 {name}")] if content else [])
    )
    return


if __name__ == "__main__":
    app.run()
