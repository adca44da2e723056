"use strict";
// The fleet's table: sorted by any column, searched, and cut into pages, by DataTables.

async function fillTable() {
  const source = new Blob([await unpacked("datatables")], { type: "text/javascript" });
  const address = URL.createObjectURL(source);
  const { default: DataTable } = await import(address);
  URL.revokeObjectURL(address);
  const { columns, assets, links } = page.data;
  const formats = columns.map(({ digits }) => new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  const shown = {
    // Only pages that were written are linked; of others the pointer tells how to get them.
    asset: (value, row) => (links[row]
      ? `<a href="${escaped(links[row])}">${escaped(value)}</a>`
      : `<span title="${escaped(`twins dashboard ${value}`).replace(/"/g, "&quot;")}">${escaped(value)}</span>`),
    status: (value) => `<span class="badge ${value}">${value}</span>`,
    number: (value, _, at) => formats[at].format(value),
    text: (value) => escaped(String(value)),
  };
  // What is not known stands last, whichever way the rest is sorted.
  const order = (sign) => (a, b) => (isNaN(a) || isNaN(b) ? isNaN(a) - isNaN(b) : sign * (a - b));
  DataTable.type("known-first", { order: { asc: order(1), desc: order(-1) } });
  new DataTable("#assets", {
    data: assets.map((row, index) => [...row, index]),
    columns: columns.map((column, at) => ({
      data: at, className: column.kind === "number" ? "number" : "", type: column.kind === "number" ? "known-first" : "string",
      orderSequence: column.kind === "number" ? ["desc", "asc"] : ["asc", "desc"],
      render: (value, purpose, row) => {
        if (value === null) return purpose === "display" ? "–" : column.kind === "number" ? NaN : "";
        return purpose === "display" ? shown[column.kind](value, row[row.length - 1], at) : value;
      },
    })),
    order: [], pageLength: 25, lengthMenu: [25, 100, 500], deferRender: true, autoWidth: false,
    layout: { topStart: "search", topEnd: "pageLength", bottomStart: "info", bottomEnd: "paging" },
    language: { search: "Find", lengthMenu: "_MENU_ assets a page", info: "_START_ to _END_ of _TOTAL_ assets", infoEmpty: "no assets", infoFiltered: "(of _MAX_)", emptyTable: "Nothing to show: the store has no assets yet.", zeroRecords: "No asset matches." },
  });
}
