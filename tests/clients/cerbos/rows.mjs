// The rows that Prisma finds by Cerbos's client and adapter, for each action: node rows.mjs URL DATABASE ACTION…
// The answer is JSON: ids by action, or the error.
import { HTTP } from "@cerbos/http";
import { queryPlanToPrisma } from "@cerbos/orm-prisma";
import { PrismaLibSql } from "@prisma/adapter-libsql";
import generated from "./generated/index.js";

const [url, database, ...actions] = process.argv.slice(2);
const cerbos = new HTTP(url);
const prisma = new generated.PrismaClient({ adapter: new PrismaLibSql({ url: `file:${database}` }) });

const attribute = (name) => `request.resource.attr.${name}`;
const mapper = {
  "request.resource.id": { field: "id" },
  [attribute("place.room")]: { field: "room" },
  [attribute("labels")]: { relation: { name: "labels", type: "many", field: "value" } },
};
for (const name of ["owner", "folder", "pages", "open", "title", "note", "rank"]) {
  mapper[attribute(name)] = { field: name };
}

async function found(action) {
  const queryPlan = await cerbos.planResources({
    principal: { id: 'User::"ann"', roles: ["user"], attr: { open: true } },
    resource: { kind: "Doc" },
    action,
    includeMetadata: true,
  });
  const { kind, filters } = queryPlanToPrisma({ queryPlan, mapper });
  if (kind === "KIND_ALWAYS_DENIED") return [];
  const where = kind === "KIND_CONDITIONAL" ? filters : {};
  const rows = await prisma.doc.findMany({ where, select: { id: true } });
  return rows.map((row) => row.id).sort();
}

const all = {};
for (const action of actions) {
  all[action] = await found(action).catch((error) => ({ error: String(error), code: error.code }));
}
console.log(JSON.stringify(all));
await prisma.$disconnect();
