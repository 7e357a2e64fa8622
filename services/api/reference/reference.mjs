// Renders /openapi.json as a page: no library, nothing from elsewhere.
const make = (tag, text, className) => {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
};

const document_ = await (await fetch("/openapi.json")).json();
const schemas = document_.components?.schemas ?? {};

function example(schema, depth = 0) {
  if (!schema || depth > 6) return null;
  if (schema.$ref) return example(schemas[schema.$ref.split("/").pop()], depth + 1);
  if (schema.examples?.length) return schema.examples[0];
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return example(schema.anyOf[0], depth + 1);
  if (schema.type === "array") return [example(schema.items, depth + 1)];
  if (schema.type === "object") {
    return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, inner]) => [name, example(inner, depth + 1)]));
  }
  return { string: "…", integer: 0, number: 0, boolean: false }[schema.type] ?? null;
}

function block(title, content) {
  const body = Object.entries(content ?? {})[0];
  if (!body) return [];
  const value = example(body[1].schema);
  return [make("h4", `${title} (${body[0]})`), make("pre", JSON.stringify(value, null, 2))];
}

function show(path, method, operation) {
  const details = make("details");
  const summary = make("summary");
  summary.append(make("span", method.toUpperCase(), "method"), make("code", path), ` ${operation.summary ?? ""}`);
  details.append(summary, make("p", operation.description ?? ""));
  if (operation.parameters?.length) {
    const table = make("table");
    for (const one of operation.parameters) {
      const row = make("tr");
      row.append(make("th", `${one.name}${one.required ? " *" : ""}`), make("td", one.in), make("td", one.description ?? one.schema?.description ?? ""));
      table.append(row);
    }
    details.append(table);
  }
  details.append(...block("Body", operation.requestBody?.content));
  for (const [status, answer] of Object.entries(operation.responses ?? {})) {
    if (status < "300") details.append(...block(`Answer ${status}`, answer.content));
    else details.append(make("div", `${status} ${answer.description}`));
  }
  return details;
}

const summaryNode = document.getElementById("summary");
summaryNode.textContent = document_.info.description;
const main = document.getElementById("operations");
main.replaceChildren();
const groups = new Map();
for (const [path, methods] of Object.entries(document_.paths)) {
  for (const [method, operation] of Object.entries(methods)) {
    const tag = operation.tags?.[0] ?? "other";
    if (!groups.has(tag)) groups.set(tag, []);
    groups.get(tag).push(show(path, method, operation));
  }
}
for (const [tag, nodes] of groups) {
  const section = make("section");
  section.append(make("h2", tag), ...nodes);
  main.append(section);
}
document.getElementById("filter").addEventListener("input", (event) => {
  const words = event.target.value.toLowerCase();
  for (const node of main.querySelectorAll("details")) node.hidden = !node.textContent.toLowerCase().includes(words);
});
