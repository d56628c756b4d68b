//! The relations that views depend on, through views, and all else that may change their rows though
//! the rows of no table change.
//!
//! A rule is kept as a tree of nodes, as text. System catalogs are in no `pg_depend`, so relations are
//! found in the tree too. What is known to depend on its arguments and on rows alone is listed; anything
//! else makes that the records do not tell what views show.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use deadpool_postgres::Client;
use tokio_postgres::types::{ToSql, Type as SqlType};

use super::relations::{Relation, oids};

/// The relations under these ($1), by root, and why the rows of one may change unnoted. Below 16384 are
/// the object ids of what comes with the server.
const RELATIONS_UNDER: &str = "\
WITH RECURSIVE used (root, relation) AS (
  SELECT root, root FROM unnest($1::text::oid[]) AS root
  UNION
  SELECT used.root, named[1]::oid
  FROM used
  JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = used.relation AND r.ev_type = '1'
  CROSS JOIN LATERAL regexp_matches(r.ev_action::text, ':relid ([1-9][0-9]*)', 'g') AS named
)
SELECT used.root, c.oid, n.nspname::text, c.relname::text, c.relkind = 'v',
  CASE
    WHEN c.oid < 16384 THEN 'it belongs to the server'
    WHEN c.relkind NOT IN ('r', 'v') THEN 'it is neither a table nor a view, or its rows are in others'
    WHEN c.relrowsecurity THEN 'it has row security'
    WHEN c.relkind = 'r' AND (c.relhassubclass
      OR EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE c.oid IN (inhrelid, inhparent)))
      THEN 'it inherits, or is inherited from'
    WHEN EXISTS (SELECT FROM pg_catalog.pg_subscription_rel WHERE srrelid = c.oid)
      THEN 'a subscription writes it'
    -- Names of objects of the server: regclass and the like.
    WHEN EXISTS (
      SELECT FROM pg_catalog.pg_attribute
      WHERE attrelid = c.oid AND attnum > 0
        AND atttypid IN (24, 1033, 2202, 2203, 2204, 2205, 2206, 3734, 3769, 4089, 4096, 4191)
    ) THEN 'it has a column of names of the server''s objects'
  END
FROM used
JOIN pg_catalog.pg_class AS c ON c.oid = used.relation
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
ORDER BY 3, 4";

/// How often views ($1) read relations, in their own rules and in those of views under them ($2); true if a
/// window looks over other rows, or a common table expression, which is written once and may be read often;
/// and true if rows are gathered: as one, or so that one hides another. In the rule of a view of an older
/// server the view itself is named.
const READS: &str = "\
WITH rules AS MATERIALIZED (
  SELECT used.root, r.ev_class, r.ev_action::text AS tree
  FROM unnest($1::text::oid[], $2::text::oid[]) AS used (root, relation)
  JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = used.relation AND r.ev_type = '1'
), kinds AS MATERIALIZED (
  SELECT root, bool_or(tree LIKE '%:hasWindowFuncs true%' OR tree LIKE '%:cteList (%') AS looks_over, bool_or(
    tree LIKE '%:hasAggs true%' OR tree LIKE '%:groupClause (%' OR tree LIKE '%:distinctClause (%'
    OR tree LIKE '%:limitCount {%' OR tree LIKE '%:limitOffset {%' OR tree LIKE '%:setOperations {%'
  ) AS gathers
  FROM rules
  GROUP BY root
), named AS (
  SELECT rules.root, rules.ev_class, split_part(part, ' ', 1)::oid AS relation
  FROM rules
  CROSS JOIN LATERAL unnest(string_to_array(tree, ':rtekind 0 :relid ')) WITH ORDINALITY AS parts (part, number)
  WHERE number > 1
)
SELECT named.root, c.relname::text, count(*), bool_or(looks_over), bool_or(gathers)
FROM named
JOIN kinds ON kinds.root = named.root
JOIN pg_catalog.pg_class AS c ON c.oid = named.relation
WHERE named.relation <> named.ev_class
GROUP BY 1, c.oid, 2";

/// The parts of the rules of views ($1) that are not known to depend on their arguments alone.
///
/// Immutable functions of the server and of extensions do, and those stable ones that read nothing but
/// their arguments and the settings that are part of a state's digest. A function of a user may read
/// anything, whatever it is declared as. Of a text that becomes another type by that type's input,
/// 'now' may be meant.
const PARTS: &str = "\
WITH rules (tree) AS (
  SELECT r.ev_action::text FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class = ANY ($1::text::oid[])
)
SELECT DISTINCT n.nspname || '.' || p.proname
FROM rules
CROSS JOIN LATERAL regexp_matches(
  tree, ':(?:funcid|opfuncid|aggfnoid|winfnoid|startInRangeFunc|endInRangeFunc) ([1-9][0-9]*)', 'g'
) AS called
JOIN pg_catalog.pg_proc AS p ON p.oid = called[1]::oid
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE NOT (
  p.oid < 16384 AND n.nspname = 'pg_catalog' AND (
    p.provolatile = 'i'
    OR p.provolatile = 's' AND (
      p.proname IN (
        'array_to_json', 'array_to_string', 'anytextcat', 'concat', 'concat_ws', 'date', 'date_part', 'date_trunc',
        'extract', 'format', 'interval_pl_timestamptz', 'json_agg', 'json_agg_finalfn', 'json_agg_transfn',
        'json_build_array', 'json_build_object', 'json_object_agg', 'jsonb_agg', 'jsonb_build_array',
        'jsonb_build_object', 'jsonb_object_agg', 'quote_literal', 'quote_nullable', 'row_to_json', 'textanycat',
        'time', 'timestamp', 'timestamptz', 'timestamptz_mi_interval', 'timestamptz_pl_interval', 'to_char',
        'to_date', 'to_json', 'to_jsonb', 'to_number', 'to_timestamp'
      )
      OR p.proname ~ '^(date|timestamp|timestamptz)_(eq|ne|lt|le|gt|ge|cmp)_(date|timestamp|timestamptz)$'
    )
  )
  OR p.provolatile = 'i' AND EXISTS (
    SELECT FROM pg_catalog.pg_depend AS d
    WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
  )
)
UNION ALL
SELECT DISTINCT part[1]
FROM rules
CROSS JOIN LATERAL regexp_matches(tree, '[{]([A-Z_]+)', 'g') AS part
WHERE part[1] NOT IN (
  'AGGREF', 'ALIAS', 'ARRAY', 'ARRAYCOERCEEXPR', 'ARRAYEXPR', 'BOOLEANTEST', 'BOOLEXPR', 'CASE', 'CASEEXPR',
  'CASETESTEXPR', 'CASEWHEN', 'COALESCE', 'COALESCEEXPR', 'COERCETODOMAIN', 'COERCEVIAIO', 'COLLATEEXPR',
  'COMMONTABLEEXPR', 'CONST', 'CONVERTROWTYPEEXPR', 'DISTINCTEXPR', 'FIELDSELECT', 'FROMEXPR', 'FUNCEXPR',
  'GROUPINGFUNC', 'GROUPINGSET', 'JOINEXPR', 'MINMAX', 'MINMAXEXPR', 'NAMEDARGEXPR', 'NULLIFEXPR', 'NULLTEST',
  'OPEXPR', 'PARAM', 'QUERY', 'RANGETBLENTRY', 'RANGETBLFUNCTION', 'RANGETBLREF', 'RELABELTYPE', 'ROW',
  'ROWCOMPARE', 'ROWCOMPAREEXPR', 'ROWEXPR', 'RTE', 'RTEPERMISSIONINFO', 'SCALARARRAYOPEXPR', 'SETOPERATIONSTMT',
  'SORTGROUPCLAUSE', 'SUBLINK', 'SUBSCRIPTINGREF', 'TARGETENTRY', 'VAR', 'WHEN', 'WINDOWCLAUSE', 'WINDOWFUNC'
)
UNION ALL
SELECT DISTINCT 'a text that is read as ' || format_type(t.oid, NULL)
FROM rules
CROSS JOIN LATERAL regexp_matches(tree, ':resulttype ([1-9][0-9]*)', 'g') AS made
JOIN pg_catalog.pg_type AS named ON named.oid = made[1]::oid
JOIN pg_catalog.pg_type AS t ON t.oid = CASE
  WHEN named.typtype = 'd' THEN named.typbasetype
  WHEN named.typcategory = 'A' THEN named.typelem
  ELSE named.oid
END
JOIN pg_catalog.pg_proc AS p ON p.oid = t.typinput
WHERE tree LIKE '%{COERCEVIAIO %' AND t.typtype <> 'e' AND (p.provolatile <> 'i' OR p.oid >= 16384 AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_depend AS d
  WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
))
UNION ALL
SELECT DISTINCT 'names of the server''s objects'
FROM rules
WHERE tree ~ 'type (24|1033|2202|2203|2204|2205|2206|3734|3769|4089|4096|4191) '";

/// The types that relations ($1) have columns of and rules of views ($2) speak of, other than the
/// server's own: enumerations, whose values may be renamed, and composite types as relations.
const TYPES: &str = "\
WITH RECURSIVE used (type) AS (
  (SELECT a.atttypid FROM pg_catalog.pg_attribute AS a
  WHERE a.attrelid = ANY ($1::text::oid[]) AND a.attnum > 0 AND a.atttypid >= 16384
  UNION
  SELECT d.refobjid
  FROM pg_catalog.pg_rewrite AS r
  JOIN pg_catalog.pg_depend AS d
    ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
    AND d.refclassid = 'pg_catalog.pg_type'::regclass
  WHERE r.ev_class = ANY ($2::text::oid[]))
  UNION
  SELECT part
  FROM used
  JOIN pg_catalog.pg_type AS t ON t.oid = used.type
  CROSS JOIN LATERAL (
    SELECT unnest(ARRAY[t.typelem, t.typbasetype]) AS part
    UNION ALL
    SELECT a.atttypid FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = t.typrelid AND a.attnum > 0
  ) AS parts
  WHERE part >= 16384
)
SELECT t.typtype = 'e', CASE t.typtype WHEN 'e' THEN t.oid ELSE t.typrelid END
FROM used
JOIN pg_catalog.pg_type AS t ON t.oid = used.type
WHERE t.typtype IN ('e', 'c')";

/// The relations that views depend on, and the reasons not to trust them.
#[derive(Debug, Default)]
pub(super) struct Dependence {
    /// By object id.
    pub(super) tables: BTreeMap<u32, Table>,
    pub(super) views: BTreeSet<u32>,
    /// The views of entities, with their types.
    pub(super) roots: HashMap<u32, String>,
    /// How each of these views reads tables, by its name.
    pub(super) reads: BTreeMap<String, Reads>,
    pub(super) enumerations: BTreeSet<u32>,
    pub(super) composites: BTreeSet<u32>,
    /// Why records do not tell all that the views show.
    pub(super) faults: Vec<String>,
}

/// How a view reads tables and other views.
#[derive(Debug, Default)]
pub(super) struct Reads {
    /// How often, by name.
    pub(super) times: BTreeMap<String, u64>,
    /// True if a window or a common table expression may look over other rows than its own.
    pub(super) looks_over: bool,
    /// True if rows are gathered, by an aggregate and the like.
    pub(super) gathers: bool,
}

/// A table under views.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) schema: String,
    pub(super) name: String,
    /// The entity types whose views read it.
    pub(super) types: BTreeSet<String>,
}

impl Dependence {
    /// Of the views of these names.
    pub(super) async fn of<'a>(
        client: &Client,
        views: impl Iterator<Item = (&'a str, &'a Relation)>,
    ) -> Result<Self, tokio_postgres::Error> {
        let of = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
        let names: HashMap<u32, &str> = views.map(|(name, view)| (view.oid, name)).collect();
        let roots: HashMap<u32, String> =
            names.iter().map(|(oid, name)| (*oid, of(name))).collect();
        let mut found = Self::default();
        let under = oids(roots.keys().copied());
        let parameters: [(&(dyn ToSql + Sync), SqlType); 1] = [(&under, SqlType::TEXT)];
        let (mut roots_of, mut views_under) = (Vec::new(), Vec::new());
        for row in client.query_typed(RELATIONS_UNDER, &parameters).await? {
            let (root, oid): (u32, u32) = (row.try_get(0)?, row.try_get(1)?);
            let (schema, name): (String, String) = (row.try_get(2)?, row.try_get(3)?);
            if let Some(reason) = row.try_get::<_, Option<&str>>(5)? {
                found.fault(format!("{schema}.{name}: {reason}"));
            }
            if row.try_get(4)? {
                roots_of.push(root);
                views_under.push(oid);
                found.views.insert(oid);
                continue;
            }
            let table = found.tables.entry(oid).or_insert_with(|| Table {
                schema,
                name,
                types: BTreeSet::new(),
            });
            table.types.extend(roots.get(&root).cloned());
        }
        found.roots = roots;
        let [roots_of, views_under] = [roots_of, views_under].map(oids);
        let parameters: [(&(dyn ToSql + Sync), SqlType); 2] =
            [(&roots_of, SqlType::TEXT), (&views_under, SqlType::TEXT)];
        for row in client.query_typed(READS, &parameters).await? {
            let Some(name) = names.get(&row.try_get::<_, u32>(0)?) else {
                continue;
            };
            let reads = found.reads.entry((*name).to_owned()).or_default();
            let times: i64 = row.try_get(2)?;
            *reads.times.entry(row.try_get(1)?).or_default() += times.unsigned_abs();
            reads.looks_over |= row.try_get::<_, bool>(3)?;
            reads.gathers |= row.try_get::<_, bool>(4)?;
        }
        found.look_into(client).await?;
        Ok(found)
    }

    /// Looks into the rules of the views, and at the types of columns.
    async fn look_into(&mut self, client: &Client) -> Result<(), tokio_postgres::Error> {
        let views = oids(self.views.iter().copied());
        let all = oids(self.relations());
        let of_views: [(&(dyn ToSql + Sync), SqlType); 1] = [(&views, SqlType::TEXT)];
        let of_all: [(&(dyn ToSql + Sync), SqlType); 2] =
            [(&all, SqlType::TEXT), (&views, SqlType::TEXT)];
        let (parts, types) = tokio::try_join!(
            client.query_typed(PARTS, &of_views),
            client.query_typed(TYPES, &of_all)
        )?;
        for row in parts {
            self.fault(format!("views call or use {}", row.try_get::<_, &str>(0)?));
        }
        for row in types {
            let of = if row.try_get(0)? {
                &mut self.enumerations
            } else {
                &mut self.composites
            };
            of.insert(row.try_get(1)?);
        }
        Ok(())
    }

    fn fault(&mut self, fault: String) {
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// The object ids of views, tables and composite types.
    pub(super) fn relations(&self) -> impl Iterator<Item = u32> {
        let views = self.views.iter().chain(&self.composites);
        views.chain(self.tables.keys()).copied()
    }
}
