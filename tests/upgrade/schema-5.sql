-- database: controller
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.adopted_guests (
    guest_owner text NOT NULL,
    owner_id text NOT NULL,
    has_orders boolean,
    adopted_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.sessions (
    id_hash bytea NOT NULL,
    guest_owner text NOT NULL,
    issuer text,
    subject text,
    name text,
    tokens bytea,
    tokens_renew_at timestamp with time zone,
    tokens_end_at timestamp with time zone,
    refresh_leased_until timestamp with time zone,
    merge_id uuid,
    merge_done boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    ended_by text,
    merge_strategy text DEFAULT 'sum'::text NOT NULL,
    merge_ask boolean DEFAULT false NOT NULL,
    CONSTRAINT sessions_check CHECK (((issuer IS NULL) = (subject IS NULL))),
    CONSTRAINT sessions_check1 CHECK (((ended_at IS NULL) = (ended_by IS NULL))),
    CONSTRAINT sessions_id_hash_check CHECK ((octet_length(id_hash) = 32))
);
INSERT INTO public.adopted_guests VALUES ('guest:082cf859-2e22-4aca-ad31-53860d96fbd7', 'user:f7f4721070a01fddee1414871f089d07', NULL, '2026-11-20 20:32:58.518063+00');
INSERT INTO public.adopted_guests VALUES ('guest:78a5f1d0-970f-49e0-b4b4-9f8d0a6021f8', 'user:4ed8b57e74198d937d3b52c111889caa', NULL, '2026-11-20 20:32:58.527666+00');
INSERT INTO public.adopted_guests VALUES ('guest:3518b9e4-d18c-4f72-a4ac-3cd15fdc56e6', 'user:6663ce2a0541c3a5a565c9043c7af0bc', NULL, '2026-11-20 20:32:58.563018+00');
INSERT INTO public.alembic_version VALUES ('0006');
INSERT INTO public.sessions VALUES ('\x7467474993ad937559d6c1cb9a87e7d4e6283b77678877a8ed1a3402c65eb960', 'guest:082cf859-2e22-4aca-ad31-53860d96fbd7', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-20 20:32:58.518063+00', '2026-11-20 20:32:58.518063+00', '2026-11-20 20:32:58.515385+00', 'login', 'sum', false);
INSERT INTO public.sessions VALUES ('\xeb1c5be896f2449cc923100952896538ab0753c38f8a42e75aa10810a94c0809', 'guest:78a5f1d0-970f-49e0-b4b4-9f8d0a6021f8', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-20 20:32:58.527666+00', '2026-11-20 20:32:58.527666+00', '2026-11-20 20:32:58.523835+00', 'login', 'sum', false);
INSERT INTO public.sessions VALUES ('\x9fc5e20b7a937debf358aa20803e0d5585465a4e24ff7cfbb90b73aa77e9f742', 'guest:082cf859-2e22-4aca-ad31-53860d96fbd7', 'http://localhost:18523', '01a1faa9-8e5d-75d7-a33c-faae7876589c', 'shopper-01', NULL, '2026-11-20 20:42:55.181498+00', '2026-11-20 20:47:53.514831+00', NULL, NULL, true, '2026-11-20 20:32:58.518063+00', '2026-11-20 20:32:58.518063+00', NULL, NULL, 'sum', false);
INSERT INTO public.sessions VALUES ('\x23595cc57bd24bda30dbc47ae31b1444e7127c51c759e226c4c02824d4e58478', 'guest:78a5f1d0-970f-49e0-b4b4-9f8d0a6021f8', 'http://localhost:18523', '01a1faa9-8e6a-74b2-b528-7114ac05a488', 'shopper-03', NULL, '2026-11-20 20:42:55.190218+00', '2026-11-20 20:47:53.523551+00', NULL, NULL, true, '2026-11-20 20:32:58.527666+00', '2026-11-20 20:32:58.527666+00', NULL, NULL, 'sum', false);
INSERT INTO public.sessions VALUES ('\x3f6ad6fc3a596c031b11f4d074a941fbec8f2699c9612ddc6de8b811cb96aae5', 'guest:3518b9e4-d18c-4f72-a4ac-3cd15fdc56e6', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-20 20:32:58.439864+00', '2026-11-20 20:32:58.439864+00', '2026-11-20 20:32:58.559144+00', 'login', 'sum', false);
INSERT INTO public.sessions VALUES ('\x24ac6809a230529e9956882b38dd5b24f5b41960d6503f7d8de389a435350ce4', 'guest:3518b9e4-d18c-4f72-a4ac-3cd15fdc56e6', 'http://localhost:18523', '01a1faa9-8e9e-71e4-aa23-25495b90bef2', 'shopper-02', NULL, '2026-11-20 20:42:55.22555+00', '2026-11-20 20:47:53.558883+00', NULL, '2fccbdfc-77e2-4a7d-9c85-423e1d66a22f', true, '2026-11-20 20:32:58.563018+00', '2026-11-20 20:32:58.563018+00', NULL, NULL, 'sum', false);
ALTER TABLE ONLY public.adopted_guests
    ADD CONSTRAINT adopted_guests_pkey PRIMARY KEY (guest_owner);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id_hash);
CREATE INDEX adopted_guests_owner ON public.adopted_guests USING btree (owner_id);
CREATE INDEX adopted_guests_unread ON public.adopted_guests USING btree (adopted_at) WHERE (has_orders IS NULL);
CREATE INDEX sessions_ended ON public.sessions USING btree (ended_at) WHERE (ended_at IS NOT NULL);
CREATE INDEX sessions_seen ON public.sessions USING btree (seen_at);
CREATE INDEX sessions_undecided ON public.sessions USING btree (guest_owner) WHERE (merge_ask AND (NOT merge_done));
CREATE INDEX sessions_unmoved ON public.sessions USING btree (created_at) WHERE ((NOT merge_done) AND (issuer IS NOT NULL));
CREATE INDEX sessions_user ON public.sessions USING btree (issuer, subject) WHERE (issuer IS NOT NULL);

-- database: catalog
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.hold_lines (
    checkout_id uuid NOT NULL,
    sku text NOT NULL COLLATE pg_catalog."C",
    quantity bigint NOT NULL,
    restocked bigint DEFAULT 0 NOT NULL,
    CONSTRAINT hold_lines_quantity_check CHECK ((quantity > 0)),
    CONSTRAINT hold_lines_restocked_within_sold CHECK (((restocked >= 0) AND (restocked <= quantity)))
);
CREATE TABLE public.holds (
    checkout_id uuid NOT NULL,
    state text NOT NULL,
    shortages jsonb DEFAULT '[]'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    decided_at timestamp with time zone,
    CONSTRAINT holds_state_check CHECK ((state = ANY (ARRAY['held'::text, 'committed'::text, 'released'::text, 'refused'::text])))
);
CREATE TABLE public.products (
    product_id integer NOT NULL,
    sku text NOT NULL COLLATE pg_catalog."C",
    kind text GENERATED ALWAYS AS ('product'::text) STORED NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    category text NOT NULL,
    image text,
    price bigint NOT NULL,
    search_text text NOT NULL,
    CONSTRAINT products_price_check CHECK ((price >= 0))
);
ALTER TABLE public.products ALTER COLUMN product_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.products_product_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.restock_lines (
    refund_id uuid NOT NULL,
    checkout_id uuid NOT NULL,
    sku text NOT NULL COLLATE pg_catalog."C",
    quantity bigint NOT NULL,
    CONSTRAINT restock_lines_quantity_check CHECK ((quantity > 0))
);
CREATE TABLE public.restocks (
    refund_id uuid NOT NULL,
    checkout_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.skus (
    sku text NOT NULL COLLATE pg_catalog."C",
    kind text,
    supplied bigint DEFAULT 0 NOT NULL,
    available bigint DEFAULT 0 NOT NULL,
    held bigint DEFAULT 0 NOT NULL,
    sold bigint DEFAULT 0 NOT NULL,
    last_title text,
    last_variant text,
    CONSTRAINT skus_kind_check CHECK ((kind = ANY (ARRAY['product'::text, 'variant'::text]))),
    CONSTRAINT skus_never_below_zero CHECK (((available >= 0) AND (held >= 0) AND (sold >= 0))),
    CONSTRAINT skus_nothing_is_lost CHECK ((supplied = ((available + held) + sold)))
);
CREATE TABLE public.variants (
    variant_id integer NOT NULL,
    product_id integer NOT NULL,
    sku text NOT NULL COLLATE pg_catalog."C",
    kind text GENERATED ALWAYS AS ('variant'::text) STORED NOT NULL,
    title text NOT NULL,
    additional_price bigint NOT NULL,
    CONSTRAINT variants_additional_price_check CHECK ((additional_price >= 0))
);
ALTER TABLE public.variants ALTER COLUMN variant_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.variants_variant_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
INSERT INTO public.alembic_version VALUES ('0003');
INSERT INTO public.hold_lines VALUES ('fd6cb906-0949-878a-a5b8-7ae66874550b', 'raincoat', 1, 0);
INSERT INTO public.hold_lines VALUES ('d0b75f98-46a7-87fc-9c2f-8b5e440fd344', 'apron', 1, 0);
INSERT INTO public.hold_lines VALUES ('d0b75f98-46a7-87fc-9c2f-8b5e440fd344', 'ink-blue', 3, 0);
INSERT INTO public.hold_lines VALUES ('d0b75f98-46a7-87fc-9c2f-8b5e440fd344', 'pomegranate', 3, 0);
INSERT INTO public.hold_lines VALUES ('ff449f04-64c6-8045-8f46-eba32045b270', 'apron', 1, 0);
INSERT INTO public.hold_lines VALUES ('ff449f04-64c6-8045-8f46-eba32045b270', 'ink-blue', 3, 0);
INSERT INTO public.hold_lines VALUES ('ff449f04-64c6-8045-8f46-eba32045b270', 'pomegranate', 3, 0);
INSERT INTO public.hold_lines VALUES ('dec99ac2-d76c-8ea8-a5f6-25bef9f9d3ca', 'candle', 1, 0);
INSERT INTO public.hold_lines VALUES ('dec99ac2-d76c-8ea8-a5f6-25bef9f9d3ca', 'notebook-a6', 2, 0);
INSERT INTO public.hold_lines VALUES ('dec99ac2-d76c-8ea8-a5f6-25bef9f9d3ca', 'sourdough', 2, 0);
INSERT INTO public.holds VALUES ('fd6cb906-0949-878a-a5b8-7ae66874550b', 'committed', '[]', '2026-11-20 20:32:58.759649+00', '2026-11-20 20:32:58.843028+00');
INSERT INTO public.holds VALUES ('d0b75f98-46a7-87fc-9c2f-8b5e440fd344', 'released', '[]', '2026-11-20 20:32:58.765581+00', '2026-11-20 20:32:58.870713+00');
INSERT INTO public.holds VALUES ('ff449f04-64c6-8045-8f46-eba32045b270', 'committed', '[]', '2026-11-20 20:32:58.934593+00', '2026-11-20 20:32:58.978145+00');
INSERT INTO public.holds VALUES ('dec99ac2-d76c-8ea8-a5f6-25bef9f9d3ca', 'committed', '[]', '2026-11-20 20:32:58.938709+00', '2026-11-20 20:32:58.986537+00');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (1, 'apple', DEFAULT, 'Apple', 'Crisp red apples from the Kinnaur valley, sweet with a little sharpness. They keep for three weeks in a cool drawer.', 'Fruit', 'apple.svg', 3900, 'apple
apple
fruit
crisp red apples from the kinnaur valley, sweet with a little sharpness. they keep for three weeks in a cool drawer.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (2, 'banana', DEFAULT, 'Banana', 'Small yellow bananas that ripen on your table. Best when the first brown freckles show.', 'Fruit', 'banana.svg', 900, 'banana
banana
fruit
small yellow bananas that ripen on your table. best when the first brown freckles show.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (3, 't-shirt', DEFAULT, 'Cotton T-shirt', 'A plain T-shirt of soft combed cotton with a round neck. Wash it at thirty degrees and it keeps its shape.', 'Clothing', 't-shirt.svg', 49900, 'cotton t-shirt
t-shirt
clothing
a plain t-shirt of soft combed cotton with a round neck. wash it at thirty degrees and it keeps its shape.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (4, 'mango', DEFAULT, 'Alphonso Mango', 'A fragrant mango from Ratnagiri with smooth, deep orange flesh. Let it soften before you cut it.', 'Fruit', 'mango.svg', 14900, 'alphonso mango
mango
fruit
a fragrant mango from ratnagiri with smooth, deep orange flesh. let it soften before you cut it.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (5, 'orange', DEFAULT, 'Nagpur Orange', 'A loose-skinned orange that peels in one go. Juicy, mildly sour, and good in a lunch box.', 'Fruit', 'orange.svg', 2900, 'nagpur orange
orange
fruit
a loose-skinned orange that peels in one go. juicy, mildly sour, and good in a lunch box.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (6, 'papaya', DEFAULT, 'Papaya', 'A ripe papaya of about a kilogram. Scoop out the seeds and squeeze a lime over it.', 'Fruit', 'papaya.svg', 6900, 'papaya
papaya
fruit
a ripe papaya of about a kilogram. scoop out the seeds and squeeze a lime over it.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (7, 'pomegranate', DEFAULT, 'Pomegranate', 'Heavy fruit full of dark red seeds. Break it open in a bowl of water and the skin floats away.', 'Fruit', 'pomegranate.svg', 8900, 'pomegranate
pomegranate
fruit
heavy fruit full of dark red seeds. break it open in a bowl of water and the skin floats away.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (8, 'coconut', DEFAULT, 'Tender Coconut', 'A green coconut with plenty of water and a thin layer of soft flesh. Drink it cold.', 'Fruit', 'coconut.svg', 5900, 'tender coconut
coconut
fruit
a green coconut with plenty of water and a thin layer of soft flesh. drink it cold.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (9, 'lime', DEFAULT, 'Lime', 'A thin-skinned lime with a lot of juice. One is enough for a jug of nimbu pani.', 'Fruit', 'lime.svg', 500, 'lime
lime
fruit
a thin-skinned lime with a lot of juice. one is enough for a jug of nimbu pani.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (10, 'tomato', DEFAULT, 'Tomato', 'Firm red tomatoes for salads and gravies. Keep them out of the fridge for the best taste.', 'Vegetables', 'tomato.svg', 1200, 'tomato
tomato
vegetables
firm red tomatoes for salads and gravies. keep them out of the fridge for the best taste.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (11, 'onion', DEFAULT, 'Red Onion', 'The onion that half of all recipes begin with. Strong when raw, sweet when fried slowly.', 'Vegetables', 'onion.svg', 1000, 'red onion
onion
vegetables
the onion that half of all recipes begin with. strong when raw, sweet when fried slowly.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (12, 'potato', DEFAULT, 'Potato', 'A floury potato that roasts crisp and mashes light. Store it in the dark.', 'Vegetables', 'potato.svg', 800, 'potato
potato
vegetables
a floury potato that roasts crisp and mashes light. store it in the dark.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (13, 'spinach', DEFAULT, 'Spinach', 'A bunch of young leaves, washed once and ready for a second rinse. It cooks down to almost nothing.', 'Vegetables', 'spinach.svg', 2500, 'spinach
spinach
vegetables
a bunch of young leaves, washed once and ready for a second rinse. it cooks down to almost nothing.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (14, 'carrot', DEFAULT, 'Carrot', 'Sweet winter carrots with a good snap. Grate them for halwa or eat them as they are.', 'Vegetables', 'carrot.svg', 1500, 'carrot
carrot
vegetables
sweet winter carrots with a good snap. grate them for halwa or eat them as they are.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (15, 'cauliflower', DEFAULT, 'Cauliflower', 'A tight white head with fresh green leaves. Roast the leaves too: they turn crisp.', 'Vegetables', 'cauliflower.svg', 4900, 'cauliflower
cauliflower
vegetables
a tight white head with fresh green leaves. roast the leaves too: they turn crisp.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (16, 'okra', DEFAULT, 'Okra', 'Tender green pods, short enough to snap. Dry them well and they will not turn sticky.', 'Vegetables', 'okra.svg', 3500, 'okra
okra
vegetables
tender green pods, short enough to snap. dry them well and they will not turn sticky.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (17, 'green-chilli', DEFAULT, 'Green Chilli', 'Slim and properly hot chillies. Slit them for flavour, chop them for fire.', 'Vegetables', 'green-chilli.svg', 600, 'green chilli
green-chilli
vegetables
slim and properly hot chillies. slit them for flavour, chop them for fire.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (18, 'ginger', DEFAULT, 'Ginger', 'A knobbly root, juicy and sharp. It freezes well and grates better frozen.', 'Vegetables', 'ginger.svg', 2200, 'ginger
ginger
vegetables
a knobbly root, juicy and sharp. it freezes well and grates better frozen.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (19, 'sourdough', DEFAULT, 'Sourdough Loaf', 'A whole-wheat loaf raised for a day and baked on stone. Chewy inside, dark and crackling outside.', 'Bakery', 'sourdough.svg', 17900, 'sourdough loaf
sourdough
bakery
a whole-wheat loaf raised for a day and baked on stone. chewy inside, dark and crackling outside.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (20, 'pav', DEFAULT, 'Pav Rolls, Pack of Six', 'Soft white rolls that tear apart along the seams. Toast them in butter for pav bhaji.', 'Bakery', 'pav.svg', 4500, 'pav rolls, pack of six
pav
bakery
soft white rolls that tear apart along the seams. toast them in butter for pav bhaji.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (21, 'croissant', DEFAULT, 'Butter Croissant', 'Twenty-seven thin layers folded by hand with plain butter. Warm it for five minutes before you eat it.', 'Bakery', 'croissant.svg', 9900, 'butter croissant
croissant
bakery
twenty-seven thin layers folded by hand with plain butter. warm it for five minutes before you eat it.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (22, 'banana-bread', DEFAULT, 'Banana Bread', 'A moist loaf made from bananas that were too ripe to sell. Walnuts inside, a crust of brown sugar on top.', 'Bakery', 'banana-bread.svg', 24900, 'banana bread
banana-bread
bakery
a moist loaf made from bananas that were too ripe to sell. walnuts inside, a crust of brown sugar on top.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (23, 'nankhatai', DEFAULT, 'Nankhatai, 250 g', 'Crumbly shortbread biscuits with cardamom and ghee. Made for dipping into afternoon tea.', 'Bakery', 'nankhatai.svg', 15900, 'nankhatai, 250 g
nankhatai
bakery
crumbly shortbread biscuits with cardamom and ghee. made for dipping into afternoon tea.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (24, 'birthday-cake', DEFAULT, 'Chocolate Cake', 'A round cake of dark cocoa sponge with a smooth chocolate cream. Add your own candles.', 'Bakery', 'birthday-cake.svg', 89900, 'chocolate cake
birthday-cake
bakery
a round cake of dark cocoa sponge with a smooth chocolate cream. add your own candles.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (25, 'assam-tea', DEFAULT, 'Assam Tea, 500 g', 'Strong black leaves that stand up to milk and spice. One spoon makes two cups.', 'Drinks', 'assam-tea.svg', 34900, 'assam tea, 500 g
assam-tea
drinks
strong black leaves that stand up to milk and spice. one spoon makes two cups.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (26, 'filter-coffee', DEFAULT, 'Filter Coffee, 250 g', 'Beans from Chikmagalur with a little chicory, roasted on Monday and sent the same week.', 'Drinks', 'filter-coffee.svg', 29900, 'filter coffee, 250 g
filter-coffee
drinks
beans from chikmagalur with a little chicory, roasted on monday and sent the same week.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (27, 'mango-lassi', DEFAULT, 'Mango Lassi, 200 ml', 'Yoghurt and mango pulp shaken until it froths. Keep it cold and finish it in three days.', 'Drinks', 'mango-lassi.svg', 6900, 'mango lassi, 200 ml
mango-lassi
drinks
yoghurt and mango pulp shaken until it froths. keep it cold and finish it in three days.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (28, 'ginger-ale', DEFAULT, 'Ginger Ale, 330 ml', 'Fizzy and dry, made from fresh root rather than from a flavour. Less sweet than most.', 'Drinks', 'ginger-ale.svg', 8900, 'ginger ale, 330 ml
ginger-ale
drinks
fizzy and dry, made from fresh root rather than from a flavour. less sweet than most.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (29, 'coconut-water', DEFAULT, 'Coconut Water, 1 l', 'Pressed from young coconuts with nothing added. Shake it, pour it, forget the straw.', 'Drinks', 'coconut-water.svg', 14900, 'coconut water, 1 l
coconut-water
drinks
pressed from young coconuts with nothing added. shake it, pour it, forget the straw.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (30, 'rose-syrup', DEFAULT, 'Rose Syrup, 700 ml', 'A deep pink syrup for milk, soda and falooda. A capful is enough for a glass.', 'Drinks', 'rose-syrup.svg', 22900, 'rose syrup, 700 ml
rose-syrup
drinks
a deep pink syrup for milk, soda and falooda. a capful is enough for a glass.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (31, 'pressure-cooker', DEFAULT, 'Pressure Cooker, 3 l', 'An aluminium cooker with an inner lid and a weight that whistles. Fits gas and electric hobs.', 'Kitchen', 'pressure-cooker.svg', 189900, 'pressure cooker, 3 l
pressure-cooker
kitchen
an aluminium cooker with an inner lid and a weight that whistles. fits gas and electric hobs.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (32, 'tawa', DEFAULT, 'Cast-iron Tawa', 'A flat pan for rotis and dosas, seasoned in the factory with linseed oil. Heavy, and meant to outlive you.', 'Kitchen', 'tawa.svg', 119900, 'cast-iron tawa
tawa
kitchen
a flat pan for rotis and dosas, seasoned in the factory with linseed oil. heavy, and meant to outlive you.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (33, 'masala-box', DEFAULT, 'Masala Box', 'A round steel tin with seven small bowls and a spoon. The lid closes tight enough for turmeric.', 'Kitchen', 'masala-box.svg', 84900, 'masala box
masala-box
kitchen
a round steel tin with seven small bowls and a spoon. the lid closes tight enough for turmeric.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (34, 'chef-knife', DEFAULT, 'Chef''s Knife, 20 cm', 'A broad blade of stainless steel with a riveted wooden handle. Dry it after washing and hone it now and then.', 'Kitchen', 'chef-knife.svg', 159900, 'chef''s knife, 20 cm
chef-knife
kitchen
a broad blade of stainless steel with a riveted wooden handle. dry it after washing and hone it now and then.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (35, 'mortar', DEFAULT, 'Granite Mortar and Pestle', 'A rough stone bowl that does not slip. It crushes cumin in ten seconds.', 'Kitchen', 'mortar.svg', 99900, 'granite mortar and pestle
mortar
kitchen
a rough stone bowl that does not slip. it crushes cumin in ten seconds.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (36, 'water-bottle', DEFAULT, 'Steel Water Bottle', 'Two walls of steel with air between them keep water cold for a day. The cap is a cup.', 'Kitchen', 'water-bottle.svg', 69900, 'steel water bottle
water-bottle
kitchen
two walls of steel with air between them keep water cold for a day. the cap is a cup.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (37, 'tiffin', DEFAULT, 'Tiffin Carrier', 'Steel boxes that stack and lock under one handle, so that lunch arrives as separate dishes.', 'Kitchen', 'tiffin.svg', 109900, 'tiffin carrier
tiffin
kitchen
steel boxes that stack and lock under one handle, so that lunch arrives as separate dishes.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (38, 'apron', DEFAULT, 'Linen Apron', 'A long apron with crossed straps and two pockets. Washed linen that needs no iron.', 'Kitchen', 'apron.svg', 79900, 'linen apron
apron
kitchen
a long apron with crossed straps and two pockets. washed linen that needs no iron.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (39, 'kurta', DEFAULT, 'Handloom Kurta', 'A straight kurta of handwoven cotton with wooden buttons and side pockets. Each piece differs a little.', 'Clothing', 'kurta.svg', 149900, 'handloom kurta
kurta
clothing
a straight kurta of handwoven cotton with wooden buttons and side pockets. each piece differs a little.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (40, 'scarf', DEFAULT, 'Merino Scarf', 'A light scarf of fine wool from Himachal, warm without weight. Two metres long.', 'Clothing', 'scarf.svg', 129900, 'merino scarf
scarf
clothing
a light scarf of fine wool from himachal, warm without weight. two metres long.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (41, 'socks', DEFAULT, 'Wool Socks', 'Thick socks with a padded heel for cold floors and long walks.', 'Clothing', 'socks.svg', 39900, 'wool socks
socks
clothing
thick socks with a padded heel for cold floors and long walks.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (42, 'sandals', DEFAULT, 'Leather Sandals', 'Kolhapuri sandals of vegetable-tanned leather, stitched without nails. They soften in a week.', 'Clothing', 'sandals.svg', 179900, 'leather sandals
sandals
clothing
kolhapuri sandals of vegetable-tanned leather, stitched without nails. they soften in a week.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (43, 'raincoat', DEFAULT, 'Folding Raincoat', 'A hooded coat that folds into its own pocket. Taped seams, made for the monsoon commute.', 'Clothing', 'raincoat.svg', 99900, 'folding raincoat
raincoat
clothing
a hooded coat that folds into its own pocket. taped seams, made for the monsoon commute.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (44, 'cookbook', DEFAULT, 'One Pot, Many Evenings', 'Eighty recipes that need one pot and one hour, with a page on what to do with leftovers.', 'Books', 'cookbook.svg', 59900, 'one pot, many evenings
cookbook
books
eighty recipes that need one pot and one hour, with a page on what to do with leftovers.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (45, 'atlas', DEFAULT, 'Pocket Atlas of Rivers', 'Forty rivers drawn from source to sea, with the towns that live beside them. Small enough for a coat.', 'Books', 'atlas.svg', 79900, 'pocket atlas of rivers
atlas
books
forty rivers drawn from source to sea, with the towns that live beside them. small enough for a coat.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (46, 'novel', DEFAULT, 'The Lamplighter of Fort Road', 'A novel about a night watchman who answers the letters that nobody collects. Paperback, 312 pages.', 'Books', 'novel.svg', 39900, 'the lamplighter of fort road
novel
books
a novel about a night watchman who answers the letters that nobody collects. paperback, 312 pages.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (47, 'picture-book', DEFAULT, 'Where Did Moti Go?', 'A picture book about a dog, a market and a missing shoe. For readers of three and up.', 'Books', 'picture-book.svg', 29900, 'where did moti go?
picture-book
books
a picture book about a dog, a market and a missing shoe. for readers of three and up.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (48, 'puzzle-book', DEFAULT, 'A Year of Puzzles', 'Three hundred and sixty-five small puzzles that need a pencil and ten minutes. Answers at the back, upside down.', 'Books', 'puzzle-book.svg', 34900, 'a year of puzzles
puzzle-book
books
three hundred and sixty-five small puzzles that need a pencil and ten minutes. answers at the back, upside down.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (49, 'notebook', DEFAULT, 'Dotted Notebook', 'Smooth cream paper with a faint grid of dots and covers that lie flat. Bound with thread.', 'Stationery', 'notebook.svg', 24900, 'dotted notebook
notebook
stationery
smooth cream paper with a faint grid of dots and covers that lie flat. bound with thread.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (50, 'fountain-pen', DEFAULT, 'Fountain Pen', 'A light pen with a medium steel nib that writes as soon as it touches paper. Takes bottled ink.', 'Stationery', 'fountain-pen.svg', 89900, 'fountain pen
fountain-pen
stationery
a light pen with a medium steel nib that writes as soon as it touches paper. takes bottled ink.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (51, 'ink', DEFAULT, 'Bottle of Ink, 60 ml', 'Ink that dries quickly and does not clog. The bottle has a well for the last drops.', 'Stationery', 'ink.svg', 34900, 'bottle of ink, 60 ml
ink
stationery
ink that dries quickly and does not clog. the bottle has a well for the last drops.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (52, 'pencils', DEFAULT, 'Graphite Pencils, Set of Six', 'Six cedar pencils from hard to very soft. They sharpen without breaking.', 'Stationery', 'pencils.svg', 14900, 'graphite pencils, set of six
pencils
stationery
six cedar pencils from hard to very soft. they sharpen without breaking.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (53, 'hand-soap', DEFAULT, 'Neem Hand Soap', 'A bar of cold-made soap with neem and coconut oil. It smells of leaves, not of perfume.', 'Home', 'hand-soap.svg', 12900, 'neem hand soap
hand-soap
home
a bar of cold-made soap with neem and coconut oil. it smells of leaves, not of perfume.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (54, 'candle', DEFAULT, 'Beeswax Candle', 'A pillar of pure beeswax that burns for thirty hours. Trim the wick and it will not smoke.', 'Home', 'candle.svg', 29900, 'beeswax candle
candle
home
a pillar of pure beeswax that burns for thirty hours. trim the wick and it will not smoke.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (55, 'blanket', DEFAULT, 'Block-printed Quilt', 'A thin cotton quilt printed by hand in Jaipur, light for summer and warm enough for a mild winter.', 'Home', 'blanket.svg', 349900, 'block-printed quilt
blanket
home
a thin cotton quilt printed by hand in jaipur, light for summer and warm enough for a mild winter.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (56, 'brass-lamp', DEFAULT, 'Brass Oil Lamp', 'A small lamp cast in brass and polished by hand. The next ones leave the foundry in a month.', 'Home', 'brass-lamp.svg', 139900, 'brass oil lamp
brass-lamp
home
a small lamp cast in brass and polished by hand. the next ones leave the foundry in a month.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (57, 'plant-pot', DEFAULT, 'Terracotta Pot', 'An unglazed pot that lets roots breathe, with a hole and a saucer.', 'Home', 'plant-pot.svg', 19900, 'terracotta pot
plant-pot
home
an unglazed pot that lets roots breathe, with a hole and a saucer.');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES (58, 'jute-bag', DEFAULT, 'Jute Shopping Bag', 'A wide bag with long handles and a flat base. Carries ten kilograms without complaint.', 'Home', 'jute-bag.svg', 17900, 'jute shopping bag
jute-bag
home
a wide bag with long handles and a flat base. carries ten kilograms without complaint.');
INSERT INTO public.skus VALUES ('apple', 'product', 480, 480, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('assam-tea', 'product', 150, 150, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('atlas', 'product', 27, 27, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('banana', 'product', 600, 600, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('banana-bread', 'product', 28, 28, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('birthday-cake', 'product', 0, 0, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('birthday-cake-half', 'variant', 15, 15, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('birthday-cake-one', 'variant', 10, 10, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('birthday-cake-two', 'variant', 4, 4, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('blanket', 'product', 0, 0, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('blanket-double', 'variant', 7, 7, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('blanket-single', 'variant', 12, 12, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('brass-lamp', 'product', 0, 0, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('carrot', 'product', 400, 400, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('cauliflower', 'product', 85, 85, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('chef-knife', 'product', 25, 25, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('coconut', 'product', 140, 140, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('coconut-water', 'product', 110, 110, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('cookbook', 'product', 50, 50, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('croissant', 'product', 60, 60, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('filter-coffee', 'product', 0, 0, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('filter-coffee-beans', 'variant', 60, 60, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('filter-coffee-coarse', 'variant', 45, 45, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('filter-coffee-fine', 'variant', 80, 80, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('fountain-pen', 'product', 26, 26, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('ginger', 'product', 210, 210, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('ginger-ale', 'product', 180, 180, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('green-chilli', 'product', 500, 500, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('hand-soap', 'product', 170, 170, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('ink', 'product', 0, 0, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('ink-black', 'variant', 40, 40, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('ink-green', 'variant', 19, 19, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('jute-bag', 'product', 95, 95, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('kurta', 'product', 0, 0, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('kurta-l', 'variant', 20, 20, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('kurta-m', 'variant', 24, 24, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('kurta-s', 'variant', 16, 16, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('kurta-xl', 'variant', 9, 9, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('lime', 'product', 900, 900, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('mango', 'product', 90, 90, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('mango-lassi', 'product', 96, 96, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('masala-box', 'product', 44, 44, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('mortar', 'product', 18, 18, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('nankhatai', 'product', 70, 70, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('notebook', 'product', 0, 0, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('notebook-a4', 'variant', 30, 30, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('notebook-a5', 'variant', 75, 75, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('novel', 'product', 64, 64, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('okra', 'product', 160, 160, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('onion', 'product', 800, 800, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('orange', 'product', 320, 320, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('papaya', 'product', 75, 75, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('pav', 'product', 120, 120, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('pencils', 'product', 130, 130, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('picture-book', 'product', 72, 72, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('plant-pot', 'product', 0, 0, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('plant-pot-large', 'variant', 33, 33, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('plant-pot-small', 'variant', 80, 80, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('potato', 'product', 950, 950, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('pressure-cooker', 'product', 22, 22, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('puzzle-book', 'product', 41, 41, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('rose-syrup', 'product', 65, 65, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('sandals', 'product', 0, 0, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('sandals-38', 'variant', 8, 8, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('sandals-40', 'variant', 12, 12, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('sandals-42', 'variant', 10, 10, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('sandals-44', 'variant', 6, 6, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('scarf', 'product', 0, 0, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('scarf-forest', 'variant', 15, 15, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('scarf-mustard', 'variant', 18, 18, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('scarf-plum', 'variant', 11, 11, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('socks', 'product', 0, 0, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('socks-large', 'variant', 52, 52, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('socks-small', 'variant', 60, 60, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('spinach', 'product', 130, 130, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('t-shirt', 'product', 0, 0, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('t-shirt-blue-l', 'variant', 26, 26, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('t-shirt-blue-m', 'variant', 30, 30, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('t-shirt-blue-xl', 'variant', 12, 12, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('t-shirt-white-l', 'variant', 48, 48, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('t-shirt-white-m', 'variant', 55, 55, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('t-shirt-white-s', 'variant', 40, 40, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('tawa', 'product', 30, 30, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('tiffin', 'product', 0, 0, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('tiffin-four', 'variant', 14, 14, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('tiffin-three', 'variant', 27, 27, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('tiffin-two', 'variant', 34, 34, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('tomato', 'product', 700, 700, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('water-bottle', 'product', 0, 0, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('water-bottle-half', 'variant', 50, 50, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('water-bottle-one', 'variant', 38, 38, 0, 0, NULL, NULL);
INSERT INTO public.skus VALUES ('raincoat', 'product', 33, 32, 0, 1, NULL, NULL);
INSERT INTO public.skus VALUES ('candle', 'product', 58, 57, 0, 1, NULL, NULL);
INSERT INTO public.skus VALUES ('notebook-a6', 'variant', 90, 88, 0, 2, NULL, NULL);
INSERT INTO public.skus VALUES ('sourdough', 'product', 35, 33, 0, 2, NULL, NULL);
INSERT INTO public.skus VALUES ('apron', 'product', 40, 39, 0, 1, NULL, NULL);
INSERT INTO public.skus VALUES ('ink-blue', 'variant', 46, 43, 0, 3, NULL, NULL);
INSERT INTO public.skus VALUES ('pomegranate', 'product', 110, 107, 0, 3, NULL, NULL);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (1, 3, 't-shirt-white-s', DEFAULT, 'White, S', 0);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (2, 3, 't-shirt-white-m', DEFAULT, 'White, M', 0);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (3, 3, 't-shirt-white-l', DEFAULT, 'White, L', 0);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (4, 3, 't-shirt-blue-m', DEFAULT, 'Indigo, M', 6000);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (5, 3, 't-shirt-blue-l', DEFAULT, 'Indigo, L', 6000);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (6, 3, 't-shirt-blue-xl', DEFAULT, 'Indigo, XL', 9000);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (7, 24, 'birthday-cake-half', DEFAULT, 'Half kilogram', 0);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (8, 24, 'birthday-cake-one', DEFAULT, 'One kilogram', 70000);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (9, 24, 'birthday-cake-two', DEFAULT, 'Two kilograms', 200000);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (10, 26, 'filter-coffee-beans', DEFAULT, 'Whole beans', 0);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (11, 26, 'filter-coffee-fine', DEFAULT, 'Ground fine for the steel filter', 1000);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (12, 26, 'filter-coffee-coarse', DEFAULT, 'Ground coarse for the French press', 1000);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (13, 36, 'water-bottle-half', DEFAULT, 'Half litre', 0);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (14, 36, 'water-bottle-one', DEFAULT, 'One litre', 20000);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (15, 37, 'tiffin-two', DEFAULT, 'Two tiers', 0);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (16, 37, 'tiffin-three', DEFAULT, 'Three tiers', 30000);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (17, 37, 'tiffin-four', DEFAULT, 'Four tiers', 55000);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (18, 39, 'kurta-s', DEFAULT, 'S', 0);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (19, 39, 'kurta-m', DEFAULT, 'M', 0);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (20, 39, 'kurta-l', DEFAULT, 'L', 0);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (21, 39, 'kurta-xl', DEFAULT, 'XL', 10000);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (22, 40, 'scarf-mustard', DEFAULT, 'Mustard', 0);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (23, 40, 'scarf-forest', DEFAULT, 'Forest green', 0);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (24, 40, 'scarf-plum', DEFAULT, 'Plum', 0);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (25, 41, 'socks-small', DEFAULT, 'Sizes 36 to 40', 0);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (26, 41, 'socks-large', DEFAULT, 'Sizes 41 to 45', 4000);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (27, 42, 'sandals-38', DEFAULT, '38', 0);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (28, 42, 'sandals-40', DEFAULT, '40', 0);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (29, 42, 'sandals-42', DEFAULT, '42', 0);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (30, 42, 'sandals-44', DEFAULT, '44', 5000);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (31, 49, 'notebook-a6', DEFAULT, 'A6, 120 pages', 0);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (32, 49, 'notebook-a5', DEFAULT, 'A5, 160 pages', 10000);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (33, 49, 'notebook-a4', DEFAULT, 'A4, 160 pages', 22000);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (34, 51, 'ink-black', DEFAULT, 'Black', 0);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (35, 51, 'ink-blue', DEFAULT, 'Royal blue', 0);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (36, 51, 'ink-green', DEFAULT, 'Bottle green', 3000);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (37, 55, 'blanket-single', DEFAULT, 'Single', 0);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (38, 55, 'blanket-double', DEFAULT, 'Double', 120000);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (39, 57, 'plant-pot-small', DEFAULT, '12 cm', 0);
INSERT INTO public.variants OVERRIDING SYSTEM VALUE VALUES (40, 57, 'plant-pot-large', DEFAULT, '24 cm', 25000);
SELECT pg_catalog.setval('public.products_product_id_seq', 58, true);
SELECT pg_catalog.setval('public.variants_variant_id_seq', 40, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.hold_lines
    ADD CONSTRAINT hold_lines_pkey PRIMARY KEY (checkout_id, sku);
ALTER TABLE ONLY public.holds
    ADD CONSTRAINT holds_pkey PRIMARY KEY (checkout_id);
ALTER TABLE ONLY public.products
    ADD CONSTRAINT products_pkey PRIMARY KEY (product_id);
ALTER TABLE ONLY public.products
    ADD CONSTRAINT products_sku_key UNIQUE (sku);
ALTER TABLE ONLY public.restock_lines
    ADD CONSTRAINT restock_lines_pkey PRIMARY KEY (refund_id, sku);
ALTER TABLE ONLY public.restocks
    ADD CONSTRAINT restocks_pkey PRIMARY KEY (refund_id);
ALTER TABLE ONLY public.restocks
    ADD CONSTRAINT restocks_refund_id_checkout_id_key UNIQUE (refund_id, checkout_id);
ALTER TABLE ONLY public.skus
    ADD CONSTRAINT skus_kind UNIQUE (sku, kind);
ALTER TABLE ONLY public.skus
    ADD CONSTRAINT skus_pkey PRIMARY KEY (sku);
ALTER TABLE ONLY public.variants
    ADD CONSTRAINT variants_pkey PRIMARY KEY (variant_id);
ALTER TABLE ONLY public.variants
    ADD CONSTRAINT variants_sku_key UNIQUE (sku);
CREATE INDEX holds_undecided ON public.holds USING btree (created_at) WHERE (state = 'held'::text);
CREATE INDEX products_by_category ON public.products USING btree (category, sku);
CREATE INDEX restocks_of_checkout ON public.restocks USING btree (checkout_id);
CREATE INDEX variants_of_product ON public.variants USING btree (product_id, variant_id);
ALTER TABLE ONLY public.hold_lines
    ADD CONSTRAINT hold_lines_checkout_id_fkey FOREIGN KEY (checkout_id) REFERENCES public.holds(checkout_id);
ALTER TABLE ONLY public.hold_lines
    ADD CONSTRAINT hold_lines_sku_fkey FOREIGN KEY (sku) REFERENCES public.skus(sku);
ALTER TABLE ONLY public.products
    ADD CONSTRAINT products_sku_kind_fkey FOREIGN KEY (sku, kind) REFERENCES public.skus(sku, kind);
ALTER TABLE ONLY public.restock_lines
    ADD CONSTRAINT restock_lines_checkout_id_sku_fkey FOREIGN KEY (checkout_id, sku) REFERENCES public.hold_lines(checkout_id, sku);
ALTER TABLE ONLY public.restock_lines
    ADD CONSTRAINT restock_lines_refund_id_checkout_id_fkey FOREIGN KEY (refund_id, checkout_id) REFERENCES public.restocks(refund_id, checkout_id);
ALTER TABLE ONLY public.restocks
    ADD CONSTRAINT restocks_checkout_id_fkey FOREIGN KEY (checkout_id) REFERENCES public.holds(checkout_id);
ALTER TABLE ONLY public.variants
    ADD CONSTRAINT variants_product_id_fkey FOREIGN KEY (product_id) REFERENCES public.products(product_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.variants
    ADD CONSTRAINT variants_sku_kind_fkey FOREIGN KEY (sku, kind) REFERENCES public.skus(sku, kind);

-- database: cartdb
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE FUNCTION public.cart_document(p_owner text, p_cart uuid, p_replayed boolean DEFAULT false) RETURNS json
    LANGUAGE sql STABLE
    AS $$
        SELECT json_build_object(
            'cart_id', c.cart_id, 'owner_id', c.owner_id, 'name', c.name, 'version', c.version, 'status', c.status,
            'currency', c.currency, 'expires_at', c.expires_at, 'created_at', c.created_at,
            'updated_at', c.updated_at, 'replayed', p_replayed,
            'current', c.cart_id = (SELECT s.current_cart_id FROM shoppers s WHERE s.owner_id = p_owner),
            'items', COALESCE((
                SELECT json_agg(json_build_object(
                    'sku', l.sku, 'product_id', l.product_id, 'variant_id', l.variant_id, 'quantity', l.quantity,
                    'added_price', l.added_price, 'added_at', l.added_at) ORDER BY l.added_at, l.sku COLLATE "C")
                FROM lines l WHERE l.owner_id = p_owner AND l.cart_id = p_cart), '[]'::json))
        FROM carts c WHERE c.owner_id = p_owner AND c.cart_id = p_cart
    $$;
CREATE FUNCTION public.cart_expiry(p_idle_days integer) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    AS $$
        SELECT date_trunc('day', now(), 'UTC') + make_interval(days => p_idle_days + 1)
    $$;
CREATE FUNCTION public.demand_live_current_cart() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
    BEGIN
        -- The lock makes whoever moves the pointer meanwhile wait, and then see what has become of the cart.
        PERFORM 1 FROM shoppers s WHERE s.owner_id = NEW.owner_id FOR SHARE;
        PERFORM 1 FROM shoppers s JOIN carts c ON c.owner_id = s.owner_id AND c.cart_id = s.current_cart_id
            WHERE s.owner_id = NEW.owner_id AND c.status IN ('purchased', 'deleted');
        IF FOUND THEN
            RAISE EXCEPTION 'the current cart of % is over', NEW.owner_id USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END
    $$;
CREATE FUNCTION public.edit_cart(p_owner text, p_cart uuid, p_first_cart uuid, p_action text, p_sku text, p_product integer, p_variant integer, p_quantity bigint, p_price bigint, p_expected integer, p_key text, p_fingerprint text, p_currency text, p_max_quantity integer, p_max_lines integer, p_idle_days integer, p_actor text, OUT outcome text, OUT detail jsonb, OUT version integer, OUT cart json) RETURNS record
    LANGUAGE plpgsql
    AS $$
    #variable_conflict use_column
    DECLARE
        v_cart uuid := p_cart;
        v_row carts%ROWTYPE;
        v_key idempotency_keys%ROWTYPE;
        v_before bigint;
        v_after bigint;
        v_price bigint;
        v_changed boolean := true;
    BEGIN
        IF p_key IS NOT NULL THEN
            INSERT INTO idempotency_keys AS k (owner_id, key, fingerprint) VALUES (p_owner, p_key, p_fingerprint)
            ON CONFLICT (owner_id, key) DO UPDATE
                SET fingerprint = excluded.fingerprint, outcome = NULL, detail = NULL, cart_id = NULL, version = NULL,
                    created_at = now()
                WHERE k.created_at < now() - interval '24 hours';
            IF NOT FOUND THEN
                SELECT * INTO v_key FROM idempotency_keys WHERE owner_id = p_owner AND key = p_key;
                IF v_key.fingerprint <> p_fingerprint THEN
                    outcome := 'idempotency_key_reused';
                ELSE
                    outcome := v_key.outcome;
                    detail := v_key.detail;
                    cart := cart_document(p_owner, v_key.cart_id, true);
                    version := (cart ->> 'version')::integer;
                END IF;
                RETURN;
            END IF;
        END IF;
        LOOP
            IF p_cart IS NULL THEN
                SELECT current_cart_id INTO v_cart FROM shoppers WHERE owner_id = p_owner;
            END IF;
            IF v_cart IS NOT NULL THEN
                SELECT * INTO v_row FROM carts WHERE owner_id = p_owner AND cart_id = v_cart FOR UPDATE;
                EXIT WHEN FOUND AND (p_cart IS NOT NULL OR v_row.status NOT IN ('purchased', 'deleted'));
                -- Whoever ended the cart while we waited for its row has moved the pointer on in the same transaction.
                -- Look again without a lock on the shopper: they lock it before a cart, and we hold a cart's row.
                CONTINUE WHEN FOUND;
                IF p_cart IS NOT NULL AND p_cart <> p_first_cart THEN
                    outcome := 'cart_not_found';
                    EXIT;
                END IF;
            END IF;
            INSERT INTO shoppers AS s (owner_id, current_cart_id) VALUES (p_owner, p_first_cart)
                ON CONFLICT (owner_id) DO UPDATE SET owner_id = excluded.owner_id
                RETURNING s.current_cart_id INTO v_cart;
            INSERT INTO carts (owner_id, cart_id, currency, expires_at)
                VALUES (p_owner, p_first_cart, p_currency, cart_expiry(p_idle_days))
                ON CONFLICT (owner_id, cart_id) DO NOTHING;
            IF FOUND THEN
                INSERT INTO history (owner_id, cart_id, version, status, action, actor)
                    VALUES (p_owner, p_first_cart, 0, 'open', 'create', p_actor);
            END IF;
            IF p_cart IS NOT NULL THEN
                v_cart := p_cart;
            END IF;
        END LOOP;
        IF outcome IS NULL THEN
            outcome := CASE v_row.status
                WHEN 'open' THEN 'ok'
                WHEN 'in_checkout' THEN 'cart_in_checkout'
                WHEN 'purchased' THEN 'cart_already_purchased'
                WHEN 'deleted' THEN 'cart_not_found'
                ELSE 'cart_is_being_adopted' END;
            IF outcome = 'ok' AND p_expected IS NOT NULL AND p_expected <> v_row.version THEN
                outcome := 'precondition_failed';
            END IF;
        END IF;
        IF outcome = 'ok' AND p_action <> 'clear' THEN
            SELECT quantity INTO v_before FROM lines WHERE owner_id = p_owner AND cart_id = v_cart AND sku = p_sku;
            v_after := CASE p_action
                WHEN 'add' THEN COALESCE(v_before, 0) + p_quantity
                WHEN 'set' THEN p_quantity
                ELSE 0 END;
            IF v_after > p_max_quantity THEN
                outcome := 'quantity_limit_exceeded';
                detail := jsonb_build_object('sku', p_sku, 'limit', p_max_quantity, 'in_cart', COALESCE(v_before, 0));
            ELSIF v_before IS NULL AND v_after > 0 AND p_max_lines <= (
                SELECT count(*) FROM lines WHERE owner_id = p_owner AND cart_id = v_cart
            ) THEN
                outcome := 'line_limit_exceeded';
                detail := jsonb_build_object('sku', p_sku, 'limit', p_max_lines);
            ELSIF v_after > 0 THEN
                INSERT INTO lines (owner_id, cart_id, sku, product_id, variant_id, quantity, added_price)
                    VALUES (p_owner, v_cart, p_sku, p_product, p_variant, v_after, p_price)
                    ON CONFLICT (owner_id, cart_id, sku) DO UPDATE SET quantity = excluded.quantity
                    RETURNING added_price INTO v_price;
                v_changed := v_before IS DISTINCT FROM v_after;
            ELSE
                DELETE FROM lines WHERE owner_id = p_owner AND cart_id = v_cart AND sku = p_sku;
                v_changed := FOUND;
            END IF;
        ELSIF outcome = 'ok' THEN
            DELETE FROM lines WHERE owner_id = p_owner AND cart_id = v_cart;
            v_changed := FOUND;
        END IF;
        version := v_row.version;
        IF outcome = 'ok' AND v_changed THEN
            version := v_row.version + 1;
            UPDATE carts SET version = version + 1, updated_at = clock_timestamp(),
                    expires_at = cart_expiry(p_idle_days)
                WHERE owner_id = p_owner AND cart_id = v_cart;
            INSERT INTO history (owner_id, cart_id, version, status, name, action, sku, quantity, added_price, actor)
                VALUES (p_owner, v_cart, v_row.version + 1, 'open', v_row.name, p_action, p_sku, v_after, v_price,
                    p_actor);
        END IF;
        IF p_key IS NOT NULL THEN
            IF outcome IN ('cart_not_found', 'precondition_failed') THEN
                DELETE FROM idempotency_keys WHERE owner_id = p_owner AND key = p_key;
            ELSE
                UPDATE idempotency_keys
                    SET outcome = edit_cart.outcome, detail = edit_cart.detail, cart_id = v_cart,
                        version = edit_cart.version
                    WHERE owner_id = p_owner AND key = p_key;
            END IF;
        END IF;
        cart := cart_document(p_owner, v_cart);
    END
    $$;
CREATE FUNCTION public.erase_owner(p_owner text, p_adopted_by text, p_only_ask boolean, p_first_cart uuid, p_next_cart uuid, p_idle_days integer, OUT outcome text, OUT orders uuid[]) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    DECLARE
        v_current carts%ROWTYPE;
    BEGIN
        PERFORM FROM shoppers WHERE owner_id = p_owner FOR UPDATE;
        PERFORM FROM carts WHERE owner_id = p_owner ORDER BY cart_id FOR UPDATE;
        PERFORM FROM purchases WHERE owner_id = p_owner ORDER BY checkout_id FOR UPDATE;
        SELECT array_agg(checkout_id ORDER BY checkout_id) INTO orders FROM (
            SELECT checkout_id FROM purchases WHERE owner_id = p_owner AND state = 'pending'
            UNION SELECT checkout_id FROM refunds WHERE owner_id = p_owner AND state = 'pending'
        ) AS unfinished;
        outcome := CASE
            WHEN orders IS NOT NULL THEN 'account_has_unfinished_orders'
            WHEN EXISTS (
                SELECT FROM carts WHERE owner_id = p_owner AND merge_id IS NOT NULL
                    AND (status = 'moving' OR target_owner IS DISTINCT FROM p_adopted_by)
            ) THEN 'cart_is_being_adopted'
            ELSE 'ok' END;
        IF outcome <> 'ok' OR p_only_ask THEN
            RETURN;
        END IF;
        SELECT c.* INTO v_current FROM shoppers s
            JOIN carts c ON c.owner_id = s.owner_id AND c.cart_id = s.current_cart_id
            WHERE s.owner_id = p_owner;
        IF v_current.status <> 'moved'
            AND NOT (v_current.status = 'open' AND v_current.version = 0 AND v_current.name IS NULL)
        THEN
            INSERT INTO carts (owner_id, cart_id, currency, expires_at)
                VALUES (p_owner, p_next_cart, v_current.currency, cart_expiry(p_idle_days));
            INSERT INTO history (owner_id, cart_id, version, status, action, actor)
                VALUES (p_owner, p_next_cart, 0, 'open', 'create', 'erasure');
            UPDATE shoppers SET current_cart_id = p_next_cart WHERE owner_id = p_owner;
            v_current.cart_id := p_next_cart;
            v_current.status := 'open';
        END IF;
        -- What is left then: bought carts, moved ones, an untouched current one, and empty ones whose ids may come up.
        DELETE FROM carts c WHERE owner_id = p_owner AND status IN ('open', 'deleted')
            AND cart_id NOT IN (p_first_cart, v_current.cart_id)
            AND NOT EXISTS (SELECT FROM purchases p WHERE p.owner_id = p_owner AND p.cart_id = c.cart_id);
        DELETE FROM lines l USING carts c
            WHERE l.owner_id = p_owner AND c.owner_id = p_owner AND c.cart_id = l.cart_id AND c.status <> 'purchased';
        DELETE FROM history h USING carts c
            WHERE h.owner_id = p_owner AND c.owner_id = p_owner AND c.cart_id = h.cart_id AND c.status <> 'purchased'
                AND c.emptied_at IS NULL AND NOT (c.status = 'open' AND c.cart_id = v_current.cart_id);
        UPDATE history SET name = NULL, detail = detail - 'before' - 'after' WHERE owner_id = p_owner;
        UPDATE carts SET name = NULL WHERE owner_id = p_owner;
        WITH emptied AS (
            UPDATE carts SET version = version + 1, updated_at = clock_timestamp(), emptied_at = clock_timestamp(),
                    status = CASE status WHEN 'open' THEN 'deleted' ELSE status END
                WHERE owner_id = p_owner AND status <> 'purchased' AND emptied_at IS NULL
                    AND NOT (status = 'open' AND cart_id = v_current.cart_id)
                RETURNING owner_id, cart_id, version, status)
            INSERT INTO history (owner_id, cart_id, version, status, action, actor)
            SELECT owner_id, cart_id, version, status, 'erase', 'erasure' FROM emptied;
        DELETE FROM idempotency_keys WHERE owner_id = p_owner;
        -- Written anew, so that what a later column tells of lines is gone as well.
        WITH gone AS (DELETE FROM receipts WHERE owner_id = p_owner RETURNING *)
            INSERT INTO receipts
                (owner_id, merge_id, guest_owner, guest_cart_id, cart_id, strategy, lines, applied_at)
            SELECT owner_id, merge_id, guest_owner, guest_cart_id, cart_id, strategy, '[]', applied_at FROM gone;
        -- The fingerprint is a hash of a form with addresses: whoever guesses one could prove it.
        UPDATE purchases SET erased_at = now(), fingerprint = 'erased', snapshot = snapshot
                || '{"shipping_address": null, "billing_address": null, "email": null}'
            WHERE owner_id = p_owner AND erased_at IS NULL;
        UPDATE shoppers SET erased_at = now() WHERE owner_id = p_owner;
    END
    $$;
CREATE FUNCTION public.expire_cart(p_owner text, p_cart uuid, p_first_cart uuid, p_idle_days integer, p_guest boolean) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    DECLARE
        v_current uuid;
        v_row carts%ROWTYPE;
        v_known boolean;
    BEGIN
        SELECT s.current_cart_id INTO v_current FROM shoppers s WHERE s.owner_id = p_owner FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            RETURN 'left';
        END IF;
        SELECT c.* INTO v_row FROM carts c WHERE c.owner_id = p_owner AND c.cart_id = p_cart FOR UPDATE SKIP LOCKED;
        IF NOT FOUND OR v_row.expires_at >= now() OR v_row.status NOT IN ('open', 'moved', 'deleted')
            OR v_row.emptied_at IS NOT NULL
            OR EXISTS (SELECT FROM purchases p
                WHERE p.owner_id = p_owner AND p.cart_id = p_cart AND p.state <> 'failed')
            OR EXISTS (SELECT FROM idempotency_keys k
                WHERE k.owner_id = p_owner AND k.cart_id = p_cart AND k.created_at >= now() - interval '24 hours')
        THEN
            RETURN 'left';
        END IF;
        IF v_current = p_cart AND v_row.status = 'open'
            AND NOT EXISTS (SELECT FROM lines l WHERE l.owner_id = p_owner AND l.cart_id = p_cart)
            AND NOT EXISTS (SELECT FROM history h
                WHERE h.owner_id = p_owner AND h.cart_id = p_cart AND h.action NOT IN ('create', 'activate', 'expire'))
        THEN
            IF p_guest AND NOT EXISTS (SELECT FROM purchases p WHERE p.owner_id = p_owner)
                AND NOT EXISTS (SELECT FROM receipts r WHERE r.owner_id = p_owner)
                AND NOT EXISTS (SELECT FROM carts c WHERE c.owner_id = p_owner AND c.cart_id <> p_cart
                    AND (c.merge_id IS NOT NULL OR c.emptied_at IS NULL))
                -- Who comes back begins at version 0 again: nobody may remember a later one by then.
                AND NOT EXISTS (SELECT FROM carts c WHERE c.owner_id = p_owner
                    AND c.version > 0 AND c.updated_at > now() - interval '1 year')
            THEN
                DELETE FROM carts c WHERE c.owner_id = p_owner;
                DELETE FROM shoppers s WHERE s.owner_id = p_owner;
                DELETE FROM idempotency_keys k WHERE k.owner_id = p_owner;
                RETURN 'forgotten';
            END IF;
            UPDATE carts c SET expires_at = cart_expiry(p_idle_days) WHERE c.owner_id = p_owner AND c.cart_id = p_cart;
            RETURN 'prolonged';
        END IF;
        v_known := EXISTS (SELECT FROM purchases p WHERE p.owner_id = p_owner AND p.cart_id = p_cart)
            OR EXISTS (SELECT FROM receipts r WHERE r.owner_id = p_owner AND r.cart_id = p_cart);
        IF v_current <> p_cart AND p_cart <> p_first_cart AND v_row.merge_id IS NULL AND NOT v_known THEN
            DELETE FROM carts c WHERE c.owner_id = p_owner AND c.cart_id = p_cart;
            RETURN 'deleted';
        END IF;
        DELETE FROM lines l WHERE l.owner_id = p_owner AND l.cart_id = p_cart;
        DELETE FROM history h WHERE h.owner_id = p_owner AND h.cart_id = p_cart;
        UPDATE carts c SET name = NULL, version = c.version + 1, updated_at = clock_timestamp(),
                expires_at = cart_expiry(p_idle_days),
                status = CASE WHEN c.status = 'open' AND v_current <> p_cart THEN 'deleted' ELSE c.status END,
                emptied_at = CASE WHEN c.status = 'open' AND v_current = p_cart THEN NULL ELSE clock_timestamp() END
            WHERE c.owner_id = p_owner AND c.cart_id = p_cart RETURNING c.* INTO v_row;
        INSERT INTO history (owner_id, cart_id, version, status, action, actor)
            VALUES (p_owner, p_cart, v_row.version, v_row.status, 'expire', 'expiry');
        RETURN 'emptied';
    END
    $$;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.carts (
    owner_id text NOT NULL,
    cart_id uuid NOT NULL,
    name text,
    status text DEFAULT 'open'::text NOT NULL,
    version integer DEFAULT 0 NOT NULL,
    currency text NOT NULL,
    merge_id uuid,
    target_owner text,
    strategy text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    emptied_at timestamp with time zone,
    CONSTRAINT carts_check CHECK (((status <> ALL (ARRAY['moving'::text, 'moved'::text])) OR (merge_id IS NOT NULL))),
    CONSTRAINT carts_check1 CHECK ((((merge_id IS NULL) = (target_owner IS NULL)) AND ((merge_id IS NULL) = (strategy IS NULL)))),
    CONSTRAINT carts_status_check CHECK ((status = ANY (ARRAY['open'::text, 'in_checkout'::text, 'purchased'::text, 'moving'::text, 'moved'::text, 'deleted'::text])))
)
WITH (fillfactor='80');
CREATE TABLE public.history (
    owner_id text NOT NULL,
    cart_id uuid NOT NULL,
    entry bigint NOT NULL,
    version integer NOT NULL,
    action text NOT NULL,
    sku text,
    quantity integer,
    actor text NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    status text,
    name text,
    added_price bigint,
    detail jsonb
);
ALTER TABLE public.history ALTER COLUMN entry ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.history_entry_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.idempotency_keys (
    owner_id text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    outcome text,
    detail jsonb,
    cart_id uuid,
    version integer,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.lines (
    owner_id text NOT NULL,
    cart_id uuid NOT NULL,
    sku text NOT NULL,
    product_id integer NOT NULL,
    variant_id integer,
    quantity integer NOT NULL,
    added_price bigint NOT NULL,
    added_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT lines_added_price_check CHECK ((added_price >= 0)),
    CONSTRAINT lines_quantity_check CHECK ((quantity > 0))
)
WITH (fillfactor='80');
CREATE TABLE public.purchases (
    owner_id text NOT NULL,
    checkout_id uuid NOT NULL,
    cart_id uuid NOT NULL,
    state text NOT NULL,
    reason text,
    fingerprint text NOT NULL,
    snapshot jsonb,
    amount bigint,
    currency text,
    intent_id text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    attached_at timestamp with time zone,
    decided_at timestamp with time zone,
    refunded bigint DEFAULT 0 NOT NULL,
    erased_at timestamp with time zone,
    CONSTRAINT purchases_amount_check CHECK ((amount > 0)),
    CONSTRAINT purchases_check CHECK (((state = 'pending'::text) = (decided_at IS NULL))),
    CONSTRAINT purchases_check1 CHECK (((state = 'failed'::text) = (reason IS NOT NULL))),
    CONSTRAINT purchases_check2 CHECK (((state = 'failed'::text) OR ((snapshot IS NOT NULL) AND (amount IS NOT NULL) AND (currency IS NOT NULL)))),
    CONSTRAINT purchases_check3 CHECK (((state <> 'paid'::text) OR (intent_id IS NOT NULL))),
    CONSTRAINT purchases_refunded_within_paid CHECK (((refunded = 0) OR ((state = 'paid'::text) AND ((refunded >= 0) AND (refunded <= amount))))),
    CONSTRAINT purchases_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'paid'::text, 'failed'::text])))
);
CREATE TABLE public.receipts (
    owner_id text NOT NULL,
    merge_id uuid NOT NULL,
    guest_owner text NOT NULL,
    guest_cart_id uuid NOT NULL,
    cart_id uuid NOT NULL,
    strategy text NOT NULL,
    lines jsonb NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL,
    version integer,
    user_lines jsonb,
    guest_lines jsonb,
    guest_cart_ids uuid[] DEFAULT '{}'::uuid[] NOT NULL,
    undone_at timestamp with time zone,
    undone_cart_ids uuid[] DEFAULT '{}'::uuid[] NOT NULL,
    CONSTRAINT receipts_can_be_undone_with_lines CHECK ((((version IS NULL) = (user_lines IS NULL)) AND ((version IS NULL) = (guest_lines IS NULL)))),
    CONSTRAINT receipts_undone_by_version CHECK (((undone_at IS NULL) OR (version IS NOT NULL))),
    CONSTRAINT receipts_undone_with_carts CHECK (((undone_at IS NOT NULL) OR (undone_cart_ids = '{}'::uuid[])))
);
CREATE TABLE public.refunds (
    owner_id text NOT NULL,
    refund_id uuid NOT NULL,
    checkout_id uuid NOT NULL,
    state text NOT NULL,
    amount bigint,
    currency text NOT NULL,
    reason text,
    restock jsonb DEFAULT '[]'::jsonb NOT NULL,
    intent_id text,
    processor_refund_id text,
    failure text,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    actor text NOT NULL,
    fingerprint text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    decided_at timestamp with time zone,
    CONSTRAINT refunds_amount_check CHECK ((amount > 0)),
    CONSTRAINT refunds_check CHECK (((state = 'pending'::text) = (decided_at IS NULL))),
    CONSTRAINT refunds_check1 CHECK (((state = 'failed'::text) = (failure IS NOT NULL))),
    CONSTRAINT refunds_check2 CHECK (((state = 'failed'::text) OR ((amount IS NOT NULL) AND (intent_id IS NOT NULL)))),
    CONSTRAINT refunds_check3 CHECK (((state <> 'done'::text) OR (processor_refund_id IS NOT NULL))),
    CONSTRAINT refunds_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'done'::text, 'failed'::text])))
);
CREATE TABLE public.shoppers (
    owner_id text NOT NULL,
    current_cart_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    erased_at timestamp with time zone,
    CONSTRAINT shoppers_owner_id_check CHECK (((length(owner_id) >= 1) AND (length(owner_id) <= 80)))
);
INSERT INTO public.alembic_version VALUES ('0006');
INSERT INTO public.carts VALUES ('guest:082cf859-2e22-4aca-ad31-53860d96fbd7', 'f08791bf-9da1-8fce-8571-72a02ae28b50', NULL, 'moved', 1, 'INR', 'a83b3fd8-1aaa-4941-bfd8-d20d28876b91', 'user:f7f4721070a01fddee1414871f089d07', 'sum', '2026-11-20 20:32:58.531163+00', '2026-11-20 20:32:58.533554+00', '2026-12-21 00:00:00+00', NULL);
INSERT INTO public.carts VALUES ('guest:78a5f1d0-970f-49e0-b4b4-9f8d0a6021f8', '53f9cab1-64f5-8c34-a615-1d1892f68e91', NULL, 'moved', 1, 'INR', '7eb1af38-5abb-46b0-b8d1-d8d46325e8b6', 'user:4ed8b57e74198d937d3b52c111889caa', 'sum', '2026-11-20 20:32:58.543958+00', '2026-11-20 20:32:58.544839+00', '2026-12-21 00:00:00+00', NULL);
INSERT INTO public.carts VALUES ('user:f7f4721070a01fddee1414871f089d07', 'ab14dbdd-5d27-84a0-b32d-49b4a938e3ce', NULL, 'open', 0, 'INR', NULL, NULL, NULL, '2026-11-20 20:32:58.604605+00', '2026-11-20 20:32:58.604605+00', '2027-02-19 00:00:00+00', NULL);
INSERT INTO public.carts VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-907a-75b4-8b6c-d09df40a50b2', 'For the office', 'open', 6, 'INR', NULL, NULL, NULL, '2026-11-20 20:32:58.997088+00', '2026-11-20 20:32:59.040366+00', '2027-02-19 00:00:00+00', NULL);
INSERT INTO public.carts VALUES ('guest:3518b9e4-d18c-4f72-a4ac-3cd15fdc56e6', '9ed4378b-ebce-876f-a40e-fcddff26e38e', NULL, 'moved', 2, 'INR', '2fccbdfc-77e2-4a7d-9c85-423e1d66a22f', 'user:6663ce2a0541c3a5a565c9043c7af0bc', 'sum', '2026-11-20 20:32:58.463831+00', '2026-11-20 20:32:58.614943+00', '2026-12-21 00:00:00+00', NULL);
INSERT INTO public.carts VALUES ('user:f7f4721070a01fddee1414871f089d07', '01a1faa9-8ef1-71aa-a591-b498ee808a4f', 'Later', 'open', 2, 'INR', NULL, NULL, NULL, '2026-11-20 20:32:58.604605+00', '2026-11-20 20:32:58.671437+00', '2027-02-19 00:00:00+00', NULL);
INSERT INTO public.carts VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '031d0ae0-9314-866c-ae11-b0501b71bc5d', NULL, 'open', 4, 'INR', NULL, NULL, NULL, '2026-11-20 20:32:58.628747+00', '2026-11-20 20:32:58.677959+00', '2027-02-19 00:00:00+00', NULL);
INSERT INTO public.carts VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-90a6-7356-bd5b-c030cf6dc57c', 'Birthday', 'open', 4, 'INR', NULL, NULL, NULL, '2026-11-20 20:32:59.045675+00', '2026-11-20 20:32:59.064443+00', '2027-02-19 00:00:00+00', NULL);
INSERT INTO public.carts VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', 'fe58048c-6b65-883e-8724-280a69023d45', NULL, 'purchased', 2, 'INR', NULL, NULL, NULL, '2026-11-20 20:32:58.584451+00', '2026-11-20 20:32:58.866403+00', '2027-02-19 00:00:00+00', NULL);
INSERT INTO public.carts VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '01a1faa9-8f43-7017-bd39-d518e0aee052', 'Gifts', 'purchased', 6, 'INR', NULL, NULL, NULL, '2026-11-20 20:32:58.690458+00', '2026-11-20 20:32:58.99399+00', '2027-02-19 00:00:00+00', NULL);
INSERT INTO public.carts VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '01a1faa9-9073-70ea-9b54-1e6009f879b1', NULL, 'open', 0, 'INR', NULL, NULL, NULL, '2026-11-20 20:32:58.991063+00', '2026-11-20 20:32:58.991063+00', '2027-02-19 00:00:00+00', NULL);
INSERT INTO public.carts VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-8ff2-72b6-bd84-04277e3761bc', NULL, 'purchased', 3, 'INR', NULL, NULL, NULL, '2026-11-20 20:32:58.863028+00', '2026-11-20 20:32:59.000273+00', '2027-02-19 00:00:00+00', NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('guest:3518b9e4-d18c-4f72-a4ac-3cd15fdc56e6', '9ed4378b-ebce-876f-a40e-fcddff26e38e', 1, 0, 'create', NULL, NULL, 'guest', '2026-11-20 20:32:58.466507+00', 'open', NULL, NULL, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('guest:3518b9e4-d18c-4f72-a4ac-3cd15fdc56e6', '9ed4378b-ebce-876f-a40e-fcddff26e38e', 2, 1, 'add', 'raincoat', 2, 'guest', '2026-11-20 20:32:58.46809+00', 'open', NULL, 99900, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('guest:082cf859-2e22-4aca-ad31-53860d96fbd7', 'f08791bf-9da1-8fce-8571-72a02ae28b50', 3, 0, 'create', NULL, NULL, 'guest', '2026-11-20 20:32:58.532506+00', 'open', NULL, NULL, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('guest:082cf859-2e22-4aca-ad31-53860d96fbd7', 'f08791bf-9da1-8fce-8571-72a02ae28b50', 4, 1, 'freeze', NULL, NULL, 'adoption', '2026-11-20 20:32:58.533602+00', 'moved', NULL, NULL, '{"merge_id": "a83b3fd8-1aaa-4941-bfd8-d20d28876b91"}');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('guest:78a5f1d0-970f-49e0-b4b4-9f8d0a6021f8', '53f9cab1-64f5-8c34-a615-1d1892f68e91', 5, 0, 'create', NULL, NULL, 'guest', '2026-11-20 20:32:58.544441+00', 'open', NULL, NULL, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('guest:78a5f1d0-970f-49e0-b4b4-9f8d0a6021f8', '53f9cab1-64f5-8c34-a615-1d1892f68e91', 6, 1, 'freeze', NULL, NULL, 'adoption', '2026-11-20 20:32:58.544878+00', 'moved', NULL, NULL, '{"merge_id": "7eb1af38-5abb-46b0-b8d1-d8d46325e8b6"}');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('guest:3518b9e4-d18c-4f72-a4ac-3cd15fdc56e6', '9ed4378b-ebce-876f-a40e-fcddff26e38e', 7, 2, 'freeze', NULL, NULL, 'adoption', '2026-11-20 20:32:58.580133+00', 'moving', NULL, NULL, '{"merge_id": "2fccbdfc-77e2-4a7d-9c85-423e1d66a22f"}');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', 'fe58048c-6b65-883e-8724-280a69023d45', 8, 0, 'create', NULL, NULL, 'user', '2026-11-20 20:32:58.585508+00', 'open', NULL, NULL, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:f7f4721070a01fddee1414871f089d07', 'ab14dbdd-5d27-84a0-b32d-49b4a938e3ce', 9, 0, 'create', NULL, NULL, 'user', '2026-11-20 20:32:58.608507+00', 'open', NULL, NULL, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:f7f4721070a01fddee1414871f089d07', '01a1faa9-8ef1-71aa-a591-b498ee808a4f', 10, 0, 'create', NULL, NULL, 'user', '2026-11-20 20:32:58.609387+00', 'open', 'Later', NULL, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:f7f4721070a01fddee1414871f089d07', '01a1faa9-8ef1-71aa-a591-b498ee808a4f', 11, 0, 'activate', NULL, NULL, 'user', '2026-11-20 20:32:58.609885+00', 'open', 'Later', NULL, '{"instead_of": "ab14dbdd-5d27-84a0-b32d-49b4a938e3ce"}');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', 'fe58048c-6b65-883e-8724-280a69023d45', 12, 1, 'adopt', 'raincoat', 2, 'adoption', '2026-11-20 20:32:58.611725+00', 'open', NULL, 99900, '{"merge_id": "2fccbdfc-77e2-4a7d-9c85-423e1d66a22f"}');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('guest:3518b9e4-d18c-4f72-a4ac-3cd15fdc56e6', '9ed4378b-ebce-876f-a40e-fcddff26e38e', 13, 2, 'close', NULL, NULL, 'adoption', '2026-11-20 20:32:58.615024+00', 'moved', NULL, NULL, '{"merge_id": "2fccbdfc-77e2-4a7d-9c85-423e1d66a22f"}');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '031d0ae0-9314-866c-ae11-b0501b71bc5d', 14, 0, 'create', NULL, NULL, 'user', '2026-11-20 20:32:58.629242+00', 'open', NULL, NULL, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '031d0ae0-9314-866c-ae11-b0501b71bc5d', 15, 1, 'add', 'candle', 3, 'user', '2026-11-20 20:32:58.629578+00', 'open', NULL, 29900, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '031d0ae0-9314-866c-ae11-b0501b71bc5d', 16, 2, 'add', 'sandals-44', 3, 'user', '2026-11-20 20:32:58.638204+00', 'open', NULL, 184900, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:f7f4721070a01fddee1414871f089d07', '01a1faa9-8ef1-71aa-a591-b498ee808a4f', 17, 1, 'add', 'birthday-cake-two', 4, 'user', '2026-11-20 20:32:58.652194+00', 'open', 'Later', 289900, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '031d0ae0-9314-866c-ae11-b0501b71bc5d', 18, 3, 'add', 'blanket-double', 2, 'user', '2026-11-20 20:32:58.668896+00', 'open', NULL, 469900, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:f7f4721070a01fddee1414871f089d07', '01a1faa9-8ef1-71aa-a591-b498ee808a4f', 19, 2, 'add', 'ink-green', 3, 'user', '2026-11-20 20:32:58.671494+00', 'open', 'Later', 37900, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '031d0ae0-9314-866c-ae11-b0501b71bc5d', 20, 4, 'add', 'pav', 2, 'user', '2026-11-20 20:32:58.678009+00', 'open', NULL, 4500, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '01a1faa9-8f43-7017-bd39-d518e0aee052', 21, 0, 'create', NULL, NULL, 'user', '2026-11-20 20:32:58.691521+00', 'open', 'Weekend', NULL, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '01a1faa9-8f43-7017-bd39-d518e0aee052', 22, 0, 'activate', NULL, NULL, 'user', '2026-11-20 20:32:58.691807+00', 'open', 'Weekend', NULL, '{"instead_of": "031d0ae0-9314-866c-ae11-b0501b71bc5d"}');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '01a1faa9-8f43-7017-bd39-d518e0aee052', 23, 1, 'add', 'apron', 1, 'user', '2026-11-20 20:32:58.712401+00', 'open', 'Weekend', 79900, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '01a1faa9-8f43-7017-bd39-d518e0aee052', 24, 2, 'add', 'ink-blue', 3, 'user', '2026-11-20 20:32:58.716492+00', 'open', 'Weekend', 34900, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '01a1faa9-8f43-7017-bd39-d518e0aee052', 25, 3, 'add', 'pomegranate', 3, 'user', '2026-11-20 20:32:58.716951+00', 'open', 'Weekend', 8900, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', 'fe58048c-6b65-883e-8724-280a69023d45', 26, 2, 'set', 'raincoat', 1, 'user', '2026-11-20 20:32:58.723943+00', 'open', NULL, 99900, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '01a1faa9-8f43-7017-bd39-d518e0aee052', 27, 4, 'rename', NULL, NULL, 'user', '2026-11-20 20:32:58.72972+00', 'open', 'Groceries', NULL, '{"after": "Groceries", "before": "Weekend"}');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '01a1faa9-8f43-7017-bd39-d518e0aee052', 28, 5, 'rename', NULL, NULL, 'user', '2026-11-20 20:32:58.737725+00', 'open', 'Gifts', NULL, '{"after": "Gifts", "before": "Groceries"}');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', 'fe58048c-6b65-883e-8724-280a69023d45', 29, 2, 'purchase', NULL, NULL, 'checkout', '2026-11-20 20:32:58.743059+00', 'in_checkout', NULL, NULL, '{"checkout_id": "fd6cb906-0949-878a-a5b8-7ae66874550b"}');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '01a1faa9-8f43-7017-bd39-d518e0aee052', 30, 5, 'purchase', NULL, NULL, 'checkout', '2026-11-20 20:32:58.760498+00', 'in_checkout', 'Gifts', NULL, '{"checkout_id": "d0b75f98-46a7-87fc-9c2f-8b5e440fd344"}');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', 'fe58048c-6b65-883e-8724-280a69023d45', 31, 2, 'settle', NULL, NULL, 'checkout', '2026-11-20 20:32:58.866559+00', 'purchased', NULL, NULL, '{"checkout_id": "fd6cb906-0949-878a-a5b8-7ae66874550b"}');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-8ff2-72b6-bd84-04277e3761bc', 32, 0, 'create', NULL, NULL, 'checkout', '2026-11-20 20:32:58.866811+00', 'open', NULL, NULL, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-8ff2-72b6-bd84-04277e3761bc', 33, 0, 'activate', NULL, NULL, 'checkout', '2026-11-20 20:32:58.867429+00', 'open', NULL, NULL, '{"instead_of": "fe58048c-6b65-883e-8724-280a69023d45"}');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-8ff2-72b6-bd84-04277e3761bc', 34, 1, 'add', 'notebook-a6', 2, 'user', '2026-11-20 20:32:58.885573+00', 'open', NULL, 24900, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '01a1faa9-8f43-7017-bd39-d518e0aee052', 35, 6, 'unpurchase', NULL, NULL, 'checkout', '2026-11-20 20:32:58.893025+00', 'open', 'Gifts', NULL, '{"reason": "authentication_required", "checkout_id": "d0b75f98-46a7-87fc-9c2f-8b5e440fd344"}');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-8ff2-72b6-bd84-04277e3761bc', 36, 2, 'add', 'candle', 1, 'user', '2026-11-20 20:32:58.905105+00', 'open', NULL, 29900, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-8ff2-72b6-bd84-04277e3761bc', 37, 3, 'add', 'sourdough', 2, 'user', '2026-11-20 20:32:58.917017+00', 'open', NULL, 17900, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '01a1faa9-8f43-7017-bd39-d518e0aee052', 38, 6, 'purchase', NULL, NULL, 'checkout', '2026-11-20 20:32:58.929544+00', 'in_checkout', 'Gifts', NULL, '{"checkout_id": "ff449f04-64c6-8045-8f46-eba32045b270"}');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-8ff2-72b6-bd84-04277e3761bc', 39, 3, 'purchase', NULL, NULL, 'checkout', '2026-11-20 20:32:58.934901+00', 'in_checkout', NULL, NULL, '{"checkout_id": "dec99ac2-d76c-8ea8-a5f6-25bef9f9d3ca"}');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '01a1faa9-8f43-7017-bd39-d518e0aee052', 40, 6, 'settle', NULL, NULL, 'checkout', '2026-11-20 20:32:58.99417+00', 'purchased', 'Gifts', NULL, '{"checkout_id": "ff449f04-64c6-8045-8f46-eba32045b270"}');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '01a1faa9-9073-70ea-9b54-1e6009f879b1', 41, 0, 'create', NULL, NULL, 'checkout', '2026-11-20 20:32:58.995265+00', 'open', NULL, NULL, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '01a1faa9-9073-70ea-9b54-1e6009f879b1', 42, 0, 'activate', NULL, NULL, 'checkout', '2026-11-20 20:32:58.99851+00', 'open', NULL, NULL, '{"instead_of": "01a1faa9-8f43-7017-bd39-d518e0aee052"}');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-8ff2-72b6-bd84-04277e3761bc', 43, 3, 'settle', NULL, NULL, 'checkout', '2026-11-20 20:32:59.002074+00', 'purchased', NULL, NULL, '{"checkout_id": "dec99ac2-d76c-8ea8-a5f6-25bef9f9d3ca"}');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-907a-75b4-8b6c-d09df40a50b2', 44, 0, 'create', NULL, NULL, 'checkout', '2026-11-20 20:32:59.002413+00', 'open', NULL, NULL, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-907a-75b4-8b6c-d09df40a50b2', 45, 0, 'activate', NULL, NULL, 'checkout', '2026-11-20 20:32:59.003919+00', 'open', NULL, NULL, '{"instead_of": "01a1faa9-8ff2-72b6-bd84-04277e3761bc"}');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-907a-75b4-8b6c-d09df40a50b2', 46, 1, 'add', 'blanket-double', 1, 'user', '2026-11-20 20:32:59.023306+00', 'open', NULL, 469900, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-907a-75b4-8b6c-d09df40a50b2', 47, 2, 'add', 'notebook-a4', 4, 'user', '2026-11-20 20:32:59.023823+00', 'open', NULL, 46900, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-907a-75b4-8b6c-d09df40a50b2', 48, 3, 'add', 'onion', 1, 'user', '2026-11-20 20:32:59.031263+00', 'open', NULL, 1000, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-907a-75b4-8b6c-d09df40a50b2', 49, 4, 'add', 'picture-book', 3, 'user', '2026-11-20 20:32:59.031784+00', 'open', NULL, 29900, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-907a-75b4-8b6c-d09df40a50b2', 50, 5, 'rename', NULL, NULL, 'user', '2026-11-20 20:32:59.03611+00', 'open', 'For the office', NULL, '{"after": "For the office", "before": null}');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-907a-75b4-8b6c-d09df40a50b2', 51, 6, 'remove', 'notebook-a4', 0, 'user', '2026-11-20 20:32:59.040413+00', 'open', 'For the office', NULL, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-90a6-7356-bd5b-c030cf6dc57c', 52, 0, 'create', NULL, NULL, 'user', '2026-11-20 20:32:59.04672+00', 'open', 'Birthday', NULL, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-90a6-7356-bd5b-c030cf6dc57c', 53, 0, 'activate', NULL, NULL, 'user', '2026-11-20 20:32:59.047006+00', 'open', 'Birthday', NULL, '{"instead_of": "01a1faa9-907a-75b4-8b6c-d09df40a50b2"}');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-90a6-7356-bd5b-c030cf6dc57c', 54, 1, 'add', 'notebook-a6', 4, 'user', '2026-11-20 20:32:59.051596+00', 'open', 'Birthday', 24900, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-90a6-7356-bd5b-c030cf6dc57c', 55, 2, 'add', 'birthday-cake-half', 2, 'user', '2026-11-20 20:32:59.057329+00', 'open', 'Birthday', 89900, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-90a6-7356-bd5b-c030cf6dc57c', 56, 3, 'remove', 'birthday-cake-half', 0, 'user', '2026-11-20 20:32:59.061024+00', 'open', 'Birthday', NULL, NULL);
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-90a6-7356-bd5b-c030cf6dc57c', 57, 4, 'add', 'ink-blue', 2, 'user', '2026-11-20 20:32:59.064478+00', 'open', 'Birthday', 34900, NULL);
INSERT INTO public.lines VALUES ('guest:3518b9e4-d18c-4f72-a4ac-3cd15fdc56e6', '9ed4378b-ebce-876f-a40e-fcddff26e38e', 'raincoat', 43, NULL, 2, 99900, '2026-11-20 20:32:58.467493+00');
INSERT INTO public.lines VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '031d0ae0-9314-866c-ae11-b0501b71bc5d', 'candle', 54, NULL, 3, 29900, '2026-11-20 20:32:58.62942+00');
INSERT INTO public.lines VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '031d0ae0-9314-866c-ae11-b0501b71bc5d', 'sandals-44', 42, 30, 3, 184900, '2026-11-20 20:32:58.638022+00');
INSERT INTO public.lines VALUES ('user:f7f4721070a01fddee1414871f089d07', '01a1faa9-8ef1-71aa-a591-b498ee808a4f', 'birthday-cake-two', 24, 9, 4, 289900, '2026-11-20 20:32:58.651807+00');
INSERT INTO public.lines VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '031d0ae0-9314-866c-ae11-b0501b71bc5d', 'blanket-double', 55, 38, 2, 469900, '2026-11-20 20:32:58.668717+00');
INSERT INTO public.lines VALUES ('user:f7f4721070a01fddee1414871f089d07', '01a1faa9-8ef1-71aa-a591-b498ee808a4f', 'ink-green', 51, 36, 3, 37900, '2026-11-20 20:32:58.67131+00');
INSERT INTO public.lines VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '031d0ae0-9314-866c-ae11-b0501b71bc5d', 'pav', 20, NULL, 2, 4500, '2026-11-20 20:32:58.677855+00');
INSERT INTO public.lines VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '01a1faa9-8f43-7017-bd39-d518e0aee052', 'apron', 38, NULL, 1, 79900, '2026-11-20 20:32:58.712227+00');
INSERT INTO public.lines VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '01a1faa9-8f43-7017-bd39-d518e0aee052', 'ink-blue', 51, 35, 3, 34900, '2026-11-20 20:32:58.716318+00');
INSERT INTO public.lines VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '01a1faa9-8f43-7017-bd39-d518e0aee052', 'pomegranate', 7, NULL, 3, 8900, '2026-11-20 20:32:58.716799+00');
INSERT INTO public.lines VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', 'fe58048c-6b65-883e-8724-280a69023d45', 'raincoat', 43, NULL, 1, 99900, '2026-11-20 20:32:58.467493+00');
INSERT INTO public.lines VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-8ff2-72b6-bd84-04277e3761bc', 'notebook-a6', 49, 31, 2, 24900, '2026-11-20 20:32:58.885323+00');
INSERT INTO public.lines VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-8ff2-72b6-bd84-04277e3761bc', 'candle', 54, NULL, 1, 29900, '2026-11-20 20:32:58.902843+00');
INSERT INTO public.lines VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-8ff2-72b6-bd84-04277e3761bc', 'sourdough', 19, NULL, 2, 17900, '2026-11-20 20:32:58.916865+00');
INSERT INTO public.lines VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-907a-75b4-8b6c-d09df40a50b2', 'blanket-double', 55, 38, 1, 469900, '2026-11-20 20:32:59.022912+00');
INSERT INTO public.lines VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-907a-75b4-8b6c-d09df40a50b2', 'onion', 11, NULL, 1, 1000, '2026-11-20 20:32:59.031178+00');
INSERT INTO public.lines VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-907a-75b4-8b6c-d09df40a50b2', 'picture-book', 47, NULL, 3, 29900, '2026-11-20 20:32:59.031634+00');
INSERT INTO public.lines VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-90a6-7356-bd5b-c030cf6dc57c', 'notebook-a6', 49, 31, 4, 24900, '2026-11-20 20:32:59.051459+00');
INSERT INTO public.lines VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-90a6-7356-bd5b-c030cf6dc57c', 'ink-blue', 51, 35, 2, 34900, '2026-11-20 20:32:59.064374+00');
INSERT INTO public.purchases VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', 'fd6cb906-0949-878a-a5b8-7ae66874550b', 'fe58048c-6b65-883e-8724-280a69023d45', 'paid', NULL, 'bb30171a1387103ad15452a0053a8a0274066ccf789105c082cf95da674bf9cf', '{"email": "shopper-02@example.com", "lines": [{"sku": "raincoat", "title": "Folding Raincoat", "variant": null, "quantity": 1, "line_total": 99900, "product_id": 43, "unit_price": 99900, "variant_id": null}], "amount": 99900, "currency": "INR", "billing_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}, "shipping_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}}', 99900, 'INR', 'pi_01a1faa98fa77099b90a0e54a58e5944', '2026-11-20 20:32:58.741024+00', '2026-11-20 20:32:58.808733+00', '2026-11-20 20:32:58.866194+00', 0, NULL);
INSERT INTO public.purchases VALUES ('user:4ed8b57e74198d937d3b52c111889caa', 'd0b75f98-46a7-87fc-9c2f-8b5e440fd344', '01a1faa9-8f43-7017-bd39-d518e0aee052', 'failed', 'authentication_required', '8505f3df2cb9c46892f833f513c9fbb3779e9ccb1e190ecca47e0ae276215950', '{"email": "shopper-03@example.com", "lines": [{"sku": "apron", "title": "Linen Apron", "variant": null, "quantity": 1, "line_total": 79900, "product_id": 38, "unit_price": 79900, "variant_id": null}, {"sku": "ink-blue", "title": "Bottle of Ink, 60 ml", "variant": "Royal blue", "quantity": 3, "line_total": 104700, "product_id": 51, "unit_price": 34900, "variant_id": 35}, {"sku": "pomegranate", "title": "Pomegranate", "variant": null, "quantity": 3, "line_total": 26700, "product_id": 7, "unit_price": 8900, "variant_id": null}], "amount": 211300, "currency": "INR", "billing_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}, "shipping_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}}', 211300, 'INR', 'pi_01a1faa98fa87411b1407f7dd0064efa', '2026-11-20 20:32:58.758542+00', '2026-11-20 20:32:58.811757+00', '2026-11-20 20:32:58.891614+00', 0, NULL);
INSERT INTO public.purchases VALUES ('user:4ed8b57e74198d937d3b52c111889caa', 'ff449f04-64c6-8045-8f46-eba32045b270', '01a1faa9-8f43-7017-bd39-d518e0aee052', 'paid', NULL, 'f4fe9e43ca74150746cb30a7752971ae5ce8b25e585399777e5517d57d0fb56f', '{"email": "shopper-03@example.com", "lines": [{"sku": "apron", "title": "Linen Apron", "variant": null, "quantity": 1, "line_total": 79900, "product_id": 38, "unit_price": 79900, "variant_id": null}, {"sku": "ink-blue", "title": "Bottle of Ink, 60 ml", "variant": "Royal blue", "quantity": 3, "line_total": 104700, "product_id": 51, "unit_price": 34900, "variant_id": 35}, {"sku": "pomegranate", "title": "Pomegranate", "variant": null, "quantity": 3, "line_total": 26700, "product_id": 7, "unit_price": 8900, "variant_id": null}], "amount": 211300, "currency": "INR", "billing_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}, "shipping_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}}', 211300, 'INR', 'pi_01a1faa99041738aa06a1104b34e1e0d', '2026-11-20 20:32:58.924539+00', '2026-11-20 20:32:58.953802+00', '2026-11-20 20:32:58.99381+00', 0, NULL);
INSERT INTO public.purchases VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', 'dec99ac2-d76c-8ea8-a5f6-25bef9f9d3ca', '01a1faa9-8ff2-72b6-bd84-04277e3761bc', 'paid', NULL, '811d9e4cb369f53cfedf7bc23aa6a1a2c595cc99c3efb29710bd179506b1e0e4', '{"email": "shopper-02@example.com", "lines": [{"sku": "notebook-a6", "title": "Dotted Notebook", "variant": "A6, 120 pages", "quantity": 2, "line_total": 49800, "product_id": 49, "unit_price": 24900, "variant_id": 31}, {"sku": "candle", "title": "Beeswax Candle", "variant": null, "quantity": 1, "line_total": 29900, "product_id": 54, "unit_price": 29900, "variant_id": null}, {"sku": "sourdough", "title": "Sourdough Loaf", "variant": null, "quantity": 2, "line_total": 35800, "product_id": 19, "unit_price": 17900, "variant_id": null}], "amount": 115500, "currency": "INR", "billing_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}, "shipping_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}}', 115500, 'INR', 'pi_01a1faa9904873bd91a4c2801d33c71d', '2026-11-20 20:32:58.933903+00', '2026-11-20 20:32:58.963873+00', '2026-11-20 20:32:59.000059+00', 0, NULL);
INSERT INTO public.receipts VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '2fccbdfc-77e2-4a7d-9c85-423e1d66a22f', 'guest:3518b9e4-d18c-4f72-a4ac-3cd15fdc56e6', '9ed4378b-ebce-876f-a40e-fcddff26e38e', 'fe58048c-6b65-883e-8724-280a69023d45', 'sum', '[{"sku": "raincoat", "why": "moved", "left_out": 0, "quantity": 2, "user_quantity": 0, "guest_quantity": 2}]', '2026-11-20 20:32:58.584451+00', 1, '[]', '[{"sku": "raincoat", "added_at": "2026-11-20T20:32:58.467493Z", "quantity": 2, "product_id": 43, "variant_id": null, "added_price": 99900}]', '{9ed4378b-ebce-876f-a40e-fcddff26e38e}', NULL, '{}');
INSERT INTO public.shoppers VALUES ('guest:082cf859-2e22-4aca-ad31-53860d96fbd7', 'f08791bf-9da1-8fce-8571-72a02ae28b50', '2026-11-20 20:32:58.531163+00', NULL);
INSERT INTO public.shoppers VALUES ('guest:78a5f1d0-970f-49e0-b4b4-9f8d0a6021f8', '53f9cab1-64f5-8c34-a615-1d1892f68e91', '2026-11-20 20:32:58.543958+00', NULL);
INSERT INTO public.shoppers VALUES ('guest:3518b9e4-d18c-4f72-a4ac-3cd15fdc56e6', '9ed4378b-ebce-876f-a40e-fcddff26e38e', '2026-11-20 20:32:58.463831+00', NULL);
INSERT INTO public.shoppers VALUES ('user:f7f4721070a01fddee1414871f089d07', '01a1faa9-8ef1-71aa-a591-b498ee808a4f', '2026-11-20 20:32:58.604605+00', NULL);
INSERT INTO public.shoppers VALUES ('user:4ed8b57e74198d937d3b52c111889caa', '01a1faa9-9073-70ea-9b54-1e6009f879b1', '2026-11-20 20:32:58.628747+00', NULL);
INSERT INTO public.shoppers VALUES ('user:6663ce2a0541c3a5a565c9043c7af0bc', '01a1faa9-90a6-7356-bd5b-c030cf6dc57c', '2026-11-20 20:32:58.584451+00', NULL);
SELECT pg_catalog.setval('public.history_entry_seq', 57, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.carts
    ADD CONSTRAINT carts_pkey PRIMARY KEY (owner_id, cart_id);
ALTER TABLE ONLY public.history
    ADD CONSTRAINT history_pkey PRIMARY KEY (owner_id, cart_id, entry);
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (owner_id, key);
ALTER TABLE ONLY public.lines
    ADD CONSTRAINT lines_pkey PRIMARY KEY (owner_id, cart_id, sku);
ALTER TABLE ONLY public.purchases
    ADD CONSTRAINT purchases_pkey PRIMARY KEY (owner_id, checkout_id);
ALTER TABLE ONLY public.receipts
    ADD CONSTRAINT receipts_pkey PRIMARY KEY (owner_id, merge_id);
ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_pkey PRIMARY KEY (owner_id, refund_id);
ALTER TABLE ONLY public.shoppers
    ADD CONSTRAINT shoppers_pkey PRIMARY KEY (owner_id);
CREATE INDEX carts_expiring ON public.carts USING btree (expires_at, owner_id) WHERE ((status = ANY (ARRAY['open'::text, 'moved'::text, 'deleted'::text])) AND (emptied_at IS NULL));
CREATE INDEX carts_moving ON public.carts USING btree (owner_id) WHERE (status = 'moving'::text);
CREATE INDEX purchases_by_checkout ON public.purchases USING btree (checkout_id);
CREATE INDEX purchases_newest ON public.purchases USING btree (owner_id, created_at DESC, checkout_id);
CREATE UNIQUE INDEX purchases_one_live_per_cart ON public.purchases USING btree (owner_id, cart_id) WHERE (state = ANY (ARRAY['pending'::text, 'paid'::text]));
CREATE INDEX purchases_pending ON public.purchases USING btree (owner_id, created_at) WHERE (state = 'pending'::text);
CREATE INDEX refunds_of_purchase ON public.refunds USING btree (owner_id, checkout_id, created_at);
CREATE UNIQUE INDEX refunds_one_per_processor_refund ON public.refunds USING btree (owner_id, processor_refund_id) WHERE (processor_refund_id IS NOT NULL);
CREATE INDEX refunds_pending ON public.refunds USING btree (owner_id, created_at) WHERE (state = 'pending'::text);
CREATE CONSTRAINT TRIGGER current_cart_is_live AFTER UPDATE OF current_cart_id ON public.shoppers DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.demand_live_current_cart();
CREATE CONSTRAINT TRIGGER current_cart_stays_live AFTER UPDATE OF status ON public.carts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new.status = ANY (ARRAY['purchased'::text, 'deleted'::text]))) EXECUTE FUNCTION public.demand_live_current_cart();
ALTER TABLE ONLY public.carts
    ADD CONSTRAINT carts_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES public.shoppers(owner_id);
ALTER TABLE ONLY public.history
    ADD CONSTRAINT history_owner_id_cart_id_fkey FOREIGN KEY (owner_id, cart_id) REFERENCES public.carts(owner_id, cart_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.lines
    ADD CONSTRAINT lines_owner_id_cart_id_fkey FOREIGN KEY (owner_id, cart_id) REFERENCES public.carts(owner_id, cart_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_owner_id_checkout_id_fkey FOREIGN KEY (owner_id, checkout_id) REFERENCES public.purchases(owner_id, checkout_id);
ALTER TABLE ONLY public.shoppers
    ADD CONSTRAINT shoppers_owner_id_current_cart_id_fkey FOREIGN KEY (owner_id, current_cart_id) REFERENCES public.carts(owner_id, cart_id) DEFERRABLE INITIALLY DEFERRED;

-- database: idp
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.accounts (
    account_id uuid NOT NULL,
    username text NOT NULL,
    name text NOT NULL,
    email text,
    password_hash text NOT NULL,
    privileges text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT accounts_username_check CHECK ((username = lower(username)))
);
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.authorization_codes (
    code_hash bytea NOT NULL,
    client_id text NOT NULL,
    account_id uuid NOT NULL,
    redirect_uri text NOT NULL,
    scope text NOT NULL,
    nonce text,
    code_challenge text NOT NULL,
    authenticated_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    redeemed_at timestamp with time zone,
    family_id uuid,
    resources text DEFAULT ''::text NOT NULL,
    session_hash bytea,
    CONSTRAINT authorization_codes_check CHECK (((redeemed_at IS NULL) = (family_id IS NULL)))
);
CREATE TABLE public.known_browsers (
    browser_hash bytea NOT NULL,
    username text NOT NULL,
    seen_at timestamp with time zone NOT NULL
);
CREATE TABLE public.refresh_tokens (
    token_hash bytea NOT NULL,
    family_id uuid NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone
);
CREATE TABLE public.revoked_access_tokens (
    jti text NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE public.sessions (
    session_hash bytea NOT NULL,
    account_id uuid NOT NULL,
    authenticated_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE public.sign_in_failures (
    username text NOT NULL,
    address text NOT NULL,
    failures integer NOT NULL,
    window_started_at timestamp with time zone NOT NULL
);
CREATE TABLE public.signing_keys (
    generation integer NOT NULL,
    kid text NOT NULL,
    private_jwk jsonb NOT NULL,
    not_before timestamp with time zone NOT NULL,
    retire_at timestamp with time zone,
    CONSTRAINT signing_keys_generation_check CHECK ((generation > 0))
);
CREATE TABLE public.token_families (
    family_id uuid NOT NULL,
    client_id text NOT NULL,
    account_id uuid NOT NULL,
    scope text NOT NULL,
    authenticated_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    revoked_because text,
    resources text DEFAULT ''::text NOT NULL,
    session_hash bytea,
    CONSTRAINT token_families_check CHECK (((revoked_at IS NULL) = (revoked_because IS NULL)))
);
INSERT INTO public.accounts VALUES ('01a1faa9-8b3d-7566-b3df-3d15be51667c', 'alice', 'Alice', 'alice@example.com', '$argon2id$v=19$m=19456,t=2,p=1$vcHI7jJ1bny0BUrhtdpuhw$4FHPBmD9KqO4DnIod6Afz//4xERE0jrUfOkBO7weApE', '', '2026-11-20 20:32:57.661203+00');
INSERT INTO public.accounts VALUES ('01a1faa9-8b53-7536-9262-f310ad9e3212', 'bob', 'Bob', 'bob@example.com', '$argon2id$v=19$m=19456,t=2,p=1$Cigye1vMGy1uW4HEK6W5KA$83YCCEKPKkA51BsqfmAGZQskvmk96aaZ4FcNZATKXM4', '', '2026-11-20 20:32:57.68311+00');
INSERT INTO public.accounts VALUES ('01a1faa9-8b67-72e5-8a96-972b61ed72d7', 'olga', 'Olga', 'olga@example.com', '$argon2id$v=19$m=19456,t=2,p=1$4EuxA/tg9Bv4qL/Aup6sMw$177RKqdeUq4n4GHgv5wT9rJeqqgtDGC1HofgGiQl0po', 'operator catalog:write', '2026-11-20 20:32:57.703919+00');
INSERT INTO public.accounts VALUES ('01a1faa9-8e5d-75d7-a33c-faae7876589c', 'shopper-01', 'shopper-01', NULL, '$argon2id$v=19$m=19456,t=2,p=1$MdoAq+xC05oYZ6EuG8X6aQ$xDM061lyCRJLzpgFxc7PYEx767FZjiUv6aiJPe1pbSM', '', '2026-11-20 20:32:58.461466+00');
INSERT INTO public.accounts VALUES ('01a1faa9-8e6a-74b2-b528-7114ac05a488', 'shopper-03', 'shopper-03', NULL, '$argon2id$v=19$m=19456,t=2,p=1$lantLa8mQxv1VQzrQ8eV1w$EWojicDyjJkG6MFpsWliasXaHMng+2y205jF2aBtYN8', '', '2026-11-20 20:32:58.474261+00');
INSERT INTO public.accounts VALUES ('01a1faa9-8e9e-71e4-aa23-25495b90bef2', 'shopper-02', 'shopper-02', NULL, '$argon2id$v=19$m=19456,t=2,p=1$1feGc6GthDwHUXvMdrYN7Q$1EthG2W2yOuqFuWYoRu/jxKaeFCTOqF0lHwQcNX9Qsc', '', '2026-11-20 20:32:58.526928+00');
INSERT INTO public.alembic_version VALUES ('0004');
INSERT INTO public.known_browsers VALUES ('\x982199c4ae906a595038a32132a18e1b9154fe0a20e43a2c1856096dd0453d41', 'shopper-01', '2026-11-20 20:32:58.468029+00');
INSERT INTO public.known_browsers VALUES ('\x05da59f071025726c02822765246e9eb779e6d4e55b007407e3138bca64ddf94', 'shopper-03', '2026-11-20 20:32:58.480896+00');
INSERT INTO public.known_browsers VALUES ('\xdcd6927200b90a19406e9f73f5a2ac3ea6497388dfd5505437affda51504144f', 'shopper-02', '2026-11-20 20:32:58.529529+00');
INSERT INTO public.sessions VALUES ('\xc9481952f71f23df4a804bff9884bf44cd1e05a74ca5657b3906e74f6666fbb2', '01a1faa9-8e5d-75d7-a33c-faae7876589c', '2026-11-20 20:32:58.484249+00', '2026-11-21 08:32:58.484249+00');
INSERT INTO public.sessions VALUES ('\x1a8464cbd266cac3fdb3dab0a7d3d18d083920752db00990b3383412e87cc626', '01a1faa9-8e6a-74b2-b528-7114ac05a488', '2026-11-20 20:32:58.496575+00', '2026-11-21 08:32:58.496575+00');
INSERT INTO public.sessions VALUES ('\x6787feb7c5ac2de45d7c29536c170b6f39e68c1b71e1561ee1ea5cf73db1adaa', '01a1faa9-8e9e-71e4-aa23-25495b90bef2', '2026-11-20 20:32:58.539223+00', '2026-11-21 08:32:58.539223+00');
INSERT INTO public.token_families VALUES ('01a1faa9-8e87-76d9-933d-c822d15af70e', 'controller', '01a1faa9-8e5d-75d7-a33c-faae7876589c', 'openid profile email offline_access', '2026-11-20 20:32:58.484389+00', '2026-11-20 20:32:58.494004+00', '2026-12-20 20:32:58.494004+00', NULL, NULL, '', '\xc9481952f71f23df4a804bff9884bf44cd1e05a74ca5657b3906e74f6666fbb2');
INSERT INTO public.token_families VALUES ('01a1faa9-8e94-7206-ac6f-dae712cd034d', 'controller', '01a1faa9-8e6a-74b2-b528-7114ac05a488', 'openid profile email offline_access', '2026-11-20 20:32:58.49668+00', '2026-11-20 20:32:58.51409+00', '2026-12-20 20:32:58.51409+00', NULL, NULL, '', '\x1a8464cbd266cac3fdb3dab0a7d3d18d083920752db00990b3383412e87cc626');
INSERT INTO public.token_families VALUES ('01a1faa9-8eb9-7525-9aba-83403cbe9a93', 'controller', '01a1faa9-8e9e-71e4-aa23-25495b90bef2', 'openid profile email offline_access', '2026-11-20 20:32:58.539347+00', '2026-11-20 20:32:58.545706+00', '2026-12-20 20:32:58.545706+00', NULL, NULL, '', '\x6787feb7c5ac2de45d7c29536c170b6f39e68c1b71e1561ee1ea5cf73db1adaa');
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (account_id);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_username_key UNIQUE (username);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.authorization_codes
    ADD CONSTRAINT authorization_codes_pkey PRIMARY KEY (code_hash);
ALTER TABLE ONLY public.known_browsers
    ADD CONSTRAINT known_browsers_pkey PRIMARY KEY (username, browser_hash);
ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_pkey PRIMARY KEY (token_hash);
ALTER TABLE ONLY public.revoked_access_tokens
    ADD CONSTRAINT revoked_access_tokens_pkey PRIMARY KEY (jti);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (session_hash);
ALTER TABLE ONLY public.sign_in_failures
    ADD CONSTRAINT sign_in_failures_pkey PRIMARY KEY (username, address);
ALTER TABLE ONLY public.signing_keys
    ADD CONSTRAINT signing_keys_kid_key UNIQUE (kid);
ALTER TABLE ONLY public.signing_keys
    ADD CONSTRAINT signing_keys_pkey PRIMARY KEY (generation);
ALTER TABLE ONLY public.token_families
    ADD CONSTRAINT token_families_pkey PRIMARY KEY (family_id);
CREATE INDEX authorization_codes_account ON public.authorization_codes USING btree (account_id);
CREATE INDEX authorization_codes_expiry ON public.authorization_codes USING btree (expires_at);
CREATE INDEX authorization_codes_family ON public.authorization_codes USING btree (family_id);
CREATE INDEX known_browsers_seen ON public.known_browsers USING btree (seen_at);
CREATE INDEX refresh_tokens_family ON public.refresh_tokens USING btree (family_id);
CREATE INDEX revoked_access_tokens_expiry ON public.revoked_access_tokens USING btree (expires_at);
CREATE INDEX sessions_account ON public.sessions USING btree (account_id);
CREATE INDEX sessions_expiry ON public.sessions USING btree (expires_at);
CREATE INDEX sign_in_failures_window ON public.sign_in_failures USING btree (window_started_at);
CREATE INDEX token_families_account ON public.token_families USING btree (account_id);
CREATE INDEX token_families_end ON public.token_families USING btree (ends_at);
ALTER TABLE ONLY public.authorization_codes
    ADD CONSTRAINT authorization_codes_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(account_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.authorization_codes
    ADD CONSTRAINT authorization_codes_family_id_fkey FOREIGN KEY (family_id) REFERENCES public.token_families(family_id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.known_browsers
    ADD CONSTRAINT known_browsers_username_fkey FOREIGN KEY (username) REFERENCES public.accounts(username) ON DELETE CASCADE;
ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_family_id_fkey FOREIGN KEY (family_id) REFERENCES public.token_families(family_id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(account_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.token_families
    ADD CONSTRAINT token_families_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(account_id) ON DELETE CASCADE;

-- database: payments
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.charges (
    id text NOT NULL COLLATE pg_catalog."C",
    payment_intent text NOT NULL COLLATE pg_catalog."C",
    payment_method text NOT NULL COLLATE pg_catalog."C",
    amount bigint NOT NULL,
    currency text NOT NULL,
    succeeded boolean NOT NULL,
    failure_code text,
    failure_message text,
    decline_code text,
    created_at timestamp with time zone NOT NULL,
    uncaptured bigint DEFAULT 0 NOT NULL,
    amount_refunded bigint DEFAULT 0 NOT NULL,
    CONSTRAINT charges_amount_check CHECK ((amount > 0)),
    CONSTRAINT charges_check CHECK ((succeeded = (failure_code IS NULL))),
    CONSTRAINT charges_check1 CHECK (((uncaptured >= 0) AND (uncaptured <= amount))),
    CONSTRAINT no_more_is_refunded_than_was_captured CHECK (((amount_refunded >= 0) AND (amount_refunded <=
CASE
    WHEN succeeded THEN (amount - uncaptured)
    ELSE (0)::bigint
END)))
);
CREATE TABLE public.events (
    id text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL,
    api_version text NOT NULL,
    object jsonb NOT NULL,
    idempotency_key text,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.idempotency_keys (
    kind text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    status integer NOT NULL,
    body text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT idempotency_keys_key_check CHECK (((length(key) >= 1) AND (length(key) <= 255))),
    CONSTRAINT idempotency_keys_kind_check CHECK ((kind = ANY (ARRAY['secret'::text, 'publishable'::text])))
);
CREATE TABLE public.payment_intents (
    id text NOT NULL COLLATE pg_catalog."C",
    amount bigint NOT NULL,
    amount_received bigint DEFAULT 0 NOT NULL,
    currency text NOT NULL,
    status text NOT NULL,
    payment_method text COLLATE pg_catalog."C",
    payment_method_types jsonb NOT NULL,
    allowed_payment_method_types jsonb,
    automatic_payment_methods text,
    latest_charge text COLLATE pg_catalog."C",
    last_error jsonb,
    description text,
    receipt_email text,
    metadata jsonb NOT NULL,
    cancellation_reason text,
    canceled_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    capture_method text DEFAULT 'automatic'::text NOT NULL,
    pending_until timestamp with time zone,
    pending_decline jsonb,
    CONSTRAINT only_a_manual_capture_is_waited_for CHECK (((status <> 'requires_capture'::text) OR (capture_method = 'manual'::text))),
    CONSTRAINT only_what_is_processing_is_pending CHECK ((((status = 'processing'::text) = (pending_until IS NOT NULL)) AND ((pending_decline IS NULL) OR (pending_until IS NOT NULL)))),
    CONSTRAINT payment_intents_amount_check CHECK ((amount > 0)),
    CONSTRAINT payment_intents_capture_method_check CHECK ((capture_method = ANY (ARRAY['automatic'::text, 'manual'::text]))),
    CONSTRAINT payment_intents_check CHECK (((amount_received >= 0) AND (amount_received <= amount))),
    CONSTRAINT payment_intents_check1 CHECK (((status = 'canceled'::text) = (canceled_at IS NOT NULL))),
    CONSTRAINT payment_intents_check2 CHECK (((status = 'succeeded'::text) OR (amount_received = 0))),
    CONSTRAINT payment_intents_currency_check CHECK ((currency ~ '^[a-z]{3}$'::text)),
    CONSTRAINT payment_intents_status_check CHECK ((status = ANY (ARRAY['requires_payment_method'::text, 'requires_confirmation'::text, 'requires_action'::text, 'processing'::text, 'requires_capture'::text, 'succeeded'::text, 'canceled'::text])))
)
WITH (fillfactor='80');
CREATE TABLE public.payment_methods (
    id text NOT NULL COLLATE pg_catalog."C",
    brand text NOT NULL,
    last4 text NOT NULL,
    exp_month integer NOT NULL,
    exp_year integer NOT NULL,
    funding text NOT NULL,
    country text NOT NULL,
    outcome text NOT NULL,
    fingerprint text NOT NULL,
    billing_details jsonb NOT NULL,
    metadata jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT payment_methods_exp_month_check CHECK (((exp_month >= 1) AND (exp_month <= 12))),
    CONSTRAINT payment_methods_last4_check CHECK ((last4 ~ '^[0-9]{4}$'::text))
);
CREATE TABLE public.refunds (
    id text NOT NULL COLLATE pg_catalog."C",
    charge text NOT NULL COLLATE pg_catalog."C",
    payment_intent text NOT NULL COLLATE pg_catalog."C",
    amount bigint NOT NULL,
    currency text NOT NULL,
    reason text,
    metadata jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT refunds_amount_check CHECK ((amount > 0)),
    CONSTRAINT refunds_reason_check CHECK ((reason = ANY (ARRAY['duplicate'::text, 'fraudulent'::text, 'requested_by_customer'::text])))
);
CREATE TABLE public.webhook_deliveries (
    event text NOT NULL COLLATE pg_catalog."C",
    endpoint text NOT NULL COLLATE pg_catalog."C",
    attempts integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    delivered_at timestamp with time zone,
    given_up_at timestamp with time zone,
    CONSTRAINT webhook_deliveries_check CHECK (((delivered_at IS NULL) OR (given_up_at IS NULL)))
)
WITH (fillfactor='80');
CREATE TABLE public.webhook_endpoints (
    id text NOT NULL COLLATE pg_catalog."C",
    url text NOT NULL,
    secret text NOT NULL,
    enabled_events text[] NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    description text,
    metadata jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT webhook_endpoints_enabled_events_check CHECK ((cardinality(enabled_events) > 0))
);
INSERT INTO public.alembic_version VALUES ('0005');
INSERT INTO public.charges VALUES ('ch_01a1faa98fc8744ca968f79ced4f9fa3', 'pi_01a1faa98fa77099b90a0e54a58e5944', 'pm_01a1faa98fc4710c9fc399cb0bb3ea01', 99900, 'inr', true, NULL, NULL, NULL, '2026-11-20 20:32:58.824732+00', 0, 0);
INSERT INTO public.charges VALUES ('ch_01a1faa9905471c7874eb07c51050982', 'pi_01a1faa99041738aa06a1104b34e1e0d', 'pm_01a1faa990527721a83f7db6aec34477', 211300, 'inr', true, NULL, NULL, NULL, '2026-11-20 20:32:58.964391+00', 0, 0);
INSERT INTO public.charges VALUES ('ch_01a1faa9905f711f9f56f97a84a669b4', 'pi_01a1faa9904873bd91a4c2801d33c71d', 'pm_01a1faa9905d7074b3ff81e7552d47cb', 115500, 'inr', true, NULL, NULL, NULL, '2026-11-20 20:32:58.97514+00', 0, 0);
INSERT INTO public.events VALUES ('evt_01a1faa98fab76a387622efa7b69c510', 'payment_intent.created', '2026-07-29.dahlia', '{"id": "pi_01a1faa98fa77099b90a0e54a58e5944", "amount": 99900, "object": "payment_intent", "review": null, "source": null, "status": "requires_payment_method", "created": 1795206778, "currency": "inr", "customer": null, "livemode": false, "metadata": {"checkout_id": "fd6cb906-0949-878a-a5b8-7ae66874550b"}, "shipping": null, "processing": null, "application": null, "canceled_at": null, "description": null, "next_action": null, "on_behalf_of": null, "client_secret": null, "latest_charge": null, "receipt_email": null, "transfer_data": null, "amount_details": {"tip": {}}, "capture_method": "automatic", "payment_method": null, "transfer_group": null, "amount_received": 0, "amount_capturable": 0, "last_payment_error": null, "setup_future_usage": null, "cancellation_reason": null, "confirmation_method": "automatic", "payment_method_types": ["card"], "statement_descriptor": null, "application_fee_amount": null, "payment_method_options": {}, "automatic_payment_methods": null, "statement_descriptor_suffix": null, "allowed_payment_method_types": null, "payment_method_configuration_details": null}', 'fd6cb906-0949-878a-a5b8-7ae66874550b:create', '2026-11-20 20:32:58.795523+00');
INSERT INTO public.events VALUES ('evt_01a1faa98fad73bbb1f6307bf3254e4e', 'payment_intent.created', '2026-07-29.dahlia', '{"id": "pi_01a1faa98fa87411b1407f7dd0064efa", "amount": 211300, "object": "payment_intent", "review": null, "source": null, "status": "requires_payment_method", "created": 1795206778, "currency": "inr", "customer": null, "livemode": false, "metadata": {"checkout_id": "d0b75f98-46a7-87fc-9c2f-8b5e440fd344"}, "shipping": null, "processing": null, "application": null, "canceled_at": null, "description": null, "next_action": null, "on_behalf_of": null, "client_secret": null, "latest_charge": null, "receipt_email": null, "transfer_data": null, "amount_details": {"tip": {}}, "capture_method": "automatic", "payment_method": null, "transfer_group": null, "amount_received": 0, "amount_capturable": 0, "last_payment_error": null, "setup_future_usage": null, "cancellation_reason": null, "confirmation_method": "automatic", "payment_method_types": ["card"], "statement_descriptor": null, "application_fee_amount": null, "payment_method_options": {}, "automatic_payment_methods": null, "statement_descriptor_suffix": null, "allowed_payment_method_types": null, "payment_method_configuration_details": null}', 'd0b75f98-46a7-87fc-9c2f-8b5e440fd344:create', '2026-11-20 20:32:58.797467+00');
INSERT INTO public.events VALUES ('evt_01a1faa98fce763794fbf81a946327ca', 'payment_intent.succeeded', '2026-07-29.dahlia', '{"id": "pi_01a1faa98fa77099b90a0e54a58e5944", "amount": 99900, "object": "payment_intent", "review": null, "source": null, "status": "succeeded", "created": 1795206778, "currency": "inr", "customer": null, "livemode": false, "metadata": {"checkout_id": "fd6cb906-0949-878a-a5b8-7ae66874550b"}, "shipping": null, "processing": null, "application": null, "canceled_at": null, "description": null, "next_action": null, "on_behalf_of": null, "client_secret": null, "latest_charge": "ch_01a1faa98fc8744ca968f79ced4f9fa3", "receipt_email": null, "transfer_data": null, "amount_details": {"tip": {}}, "capture_method": "automatic", "payment_method": "pm_01a1faa98fc4710c9fc399cb0bb3ea01", "transfer_group": null, "amount_received": 99900, "amount_capturable": 0, "last_payment_error": null, "setup_future_usage": null, "cancellation_reason": null, "confirmation_method": "automatic", "payment_method_types": ["card"], "statement_descriptor": null, "application_fee_amount": null, "payment_method_options": {}, "automatic_payment_methods": null, "statement_descriptor_suffix": null, "allowed_payment_method_types": null, "payment_method_configuration_details": null}', 'fd6cb906-0949-878a-a5b8-7ae66874550b:confirm', '2026-11-20 20:32:58.830267+00');
INSERT INTO public.events VALUES ('evt_01a1faa98fdd75e9bee9764038d4ef31', 'payment_intent.payment_failed', '2026-07-29.dahlia', '{"id": "pi_01a1faa98fa87411b1407f7dd0064efa", "amount": 211300, "object": "payment_intent", "review": null, "source": null, "status": "requires_payment_method", "created": 1795206778, "currency": "inr", "customer": null, "livemode": false, "metadata": {"checkout_id": "d0b75f98-46a7-87fc-9c2f-8b5e440fd344"}, "shipping": null, "processing": null, "application": null, "canceled_at": null, "description": null, "next_action": null, "on_behalf_of": null, "client_secret": null, "latest_charge": null, "receipt_email": null, "transfer_data": null, "amount_details": {"tip": {}}, "capture_method": "automatic", "payment_method": null, "transfer_group": null, "amount_received": 0, "amount_capturable": 0, "last_payment_error": {"code": "authentication_required", "type": "card_error", "charge": null, "message": "The card''s issuer asks for authentication, which this payment does not offer.", "decline_code": "authentication_required", "payment_method": {"id": "pm_01a1faa98fd97682a88d30507d7d90d6", "card": {"brand": "visa", "last4": "3155", "checks": {"cvc_check": null, "address_line1_check": null, "address_postal_code_check": null}, "wallet": null, "country": "US", "funding": "credit", "exp_year": 2029, "exp_month": 12, "fingerprint": "a60ed1b176b733c90bbd9b7e", "three_d_secure_usage": {"supported": true}}, "type": "card", "object": "payment_method", "created": 1795206778, "customer": null, "livemode": false, "metadata": {}, "allow_redisplay": "unspecified", "billing_details": {"name": null, "email": null, "phone": null, "address": {"city": null, "line1": null, "line2": null, "state": null, "country": null, "postal_code": null}}}}, "setup_future_usage": null, "cancellation_reason": null, "confirmation_method": "automatic", "payment_method_types": ["card"], "statement_descriptor": null, "application_fee_amount": null, "payment_method_options": {}, "automatic_payment_methods": null, "statement_descriptor_suffix": null, "allowed_payment_method_types": null, "payment_method_configuration_details": null}', 'd0b75f98-46a7-87fc-9c2f-8b5e440fd344:confirm', '2026-11-20 20:32:58.846004+00');
INSERT INTO public.events VALUES ('evt_01a1faa98ff0743fa1b815a4b254626e', 'payment_intent.canceled', '2026-07-29.dahlia', '{"id": "pi_01a1faa98fa87411b1407f7dd0064efa", "amount": 211300, "object": "payment_intent", "review": null, "source": null, "status": "canceled", "created": 1795206778, "currency": "inr", "customer": null, "livemode": false, "metadata": {"checkout_id": "d0b75f98-46a7-87fc-9c2f-8b5e440fd344"}, "shipping": null, "processing": null, "application": null, "canceled_at": 1795206778, "description": null, "next_action": null, "on_behalf_of": null, "client_secret": null, "latest_charge": null, "receipt_email": null, "transfer_data": null, "amount_details": {"tip": {}}, "capture_method": "automatic", "payment_method": null, "transfer_group": null, "amount_received": 0, "amount_capturable": 0, "last_payment_error": {"code": "authentication_required", "type": "card_error", "charge": null, "message": "The card''s issuer asks for authentication, which this payment does not offer.", "decline_code": "authentication_required", "payment_method": {"id": "pm_01a1faa98fd97682a88d30507d7d90d6", "card": {"brand": "visa", "last4": "3155", "checks": {"cvc_check": null, "address_line1_check": null, "address_postal_code_check": null}, "wallet": null, "country": "US", "funding": "credit", "exp_year": 2029, "exp_month": 12, "fingerprint": "a60ed1b176b733c90bbd9b7e", "three_d_secure_usage": {"supported": true}}, "type": "card", "object": "payment_method", "created": 1795206778, "customer": null, "livemode": false, "metadata": {}, "allow_redisplay": "unspecified", "billing_details": {"name": null, "email": null, "phone": null, "address": {"city": null, "line1": null, "line2": null, "state": null, "country": null, "postal_code": null}}}}, "setup_future_usage": null, "cancellation_reason": null, "confirmation_method": "automatic", "payment_method_types": ["card"], "statement_descriptor": null, "application_fee_amount": null, "payment_method_options": {}, "automatic_payment_methods": null, "statement_descriptor_suffix": null, "allowed_payment_method_types": null, "payment_method_configuration_details": null}', NULL, '2026-11-20 20:32:58.864651+00');
INSERT INTO public.events VALUES ('evt_01a1faa9904275939047e72b91688449', 'payment_intent.created', '2026-07-29.dahlia', '{"id": "pi_01a1faa99041738aa06a1104b34e1e0d", "amount": 211300, "object": "payment_intent", "review": null, "source": null, "status": "requires_payment_method", "created": 1795206778, "currency": "inr", "customer": null, "livemode": false, "metadata": {"checkout_id": "ff449f04-64c6-8045-8f46-eba32045b270"}, "shipping": null, "processing": null, "application": null, "canceled_at": null, "description": null, "next_action": null, "on_behalf_of": null, "client_secret": null, "latest_charge": null, "receipt_email": null, "transfer_data": null, "amount_details": {"tip": {}}, "capture_method": "automatic", "payment_method": null, "transfer_group": null, "amount_received": 0, "amount_capturable": 0, "last_payment_error": null, "setup_future_usage": null, "cancellation_reason": null, "confirmation_method": "automatic", "payment_method_types": ["card"], "statement_descriptor": null, "application_fee_amount": null, "payment_method_options": {}, "automatic_payment_methods": null, "statement_descriptor_suffix": null, "allowed_payment_method_types": null, "payment_method_configuration_details": null}', 'ff449f04-64c6-8045-8f46-eba32045b270:create', '2026-11-20 20:32:58.946306+00');
INSERT INTO public.events VALUES ('evt_01a1faa9904b719984ec657769004ff5', 'payment_intent.created', '2026-07-29.dahlia', '{"id": "pi_01a1faa9904873bd91a4c2801d33c71d", "amount": 115500, "object": "payment_intent", "review": null, "source": null, "status": "requires_payment_method", "created": 1795206778, "currency": "inr", "customer": null, "livemode": false, "metadata": {"checkout_id": "dec99ac2-d76c-8ea8-a5f6-25bef9f9d3ca"}, "shipping": null, "processing": null, "application": null, "canceled_at": null, "description": null, "next_action": null, "on_behalf_of": null, "client_secret": null, "latest_charge": null, "receipt_email": null, "transfer_data": null, "amount_details": {"tip": {}}, "capture_method": "automatic", "payment_method": null, "transfer_group": null, "amount_received": 0, "amount_capturable": 0, "last_payment_error": null, "setup_future_usage": null, "cancellation_reason": null, "confirmation_method": "automatic", "payment_method_types": ["card"], "statement_descriptor": null, "application_fee_amount": null, "payment_method_options": {}, "automatic_payment_methods": null, "statement_descriptor_suffix": null, "allowed_payment_method_types": null, "payment_method_configuration_details": null}', 'dec99ac2-d76c-8ea8-a5f6-25bef9f9d3ca:create', '2026-11-20 20:32:58.955296+00');
INSERT INTO public.events VALUES ('evt_01a1faa9906375a6b242cf545b56c3fa', 'payment_intent.succeeded', '2026-07-29.dahlia', '{"id": "pi_01a1faa9904873bd91a4c2801d33c71d", "amount": 115500, "object": "payment_intent", "review": null, "source": null, "status": "succeeded", "created": 1795206778, "currency": "inr", "customer": null, "livemode": false, "metadata": {"checkout_id": "dec99ac2-d76c-8ea8-a5f6-25bef9f9d3ca"}, "shipping": null, "processing": null, "application": null, "canceled_at": null, "description": null, "next_action": null, "on_behalf_of": null, "client_secret": null, "latest_charge": "ch_01a1faa9905f711f9f56f97a84a669b4", "receipt_email": null, "transfer_data": null, "amount_details": {"tip": {}}, "capture_method": "automatic", "payment_method": "pm_01a1faa9905d7074b3ff81e7552d47cb", "transfer_group": null, "amount_received": 115500, "amount_capturable": 0, "last_payment_error": null, "setup_future_usage": null, "cancellation_reason": null, "confirmation_method": "automatic", "payment_method_types": ["card"], "statement_descriptor": null, "application_fee_amount": null, "payment_method_options": {}, "automatic_payment_methods": null, "statement_descriptor_suffix": null, "allowed_payment_method_types": null, "payment_method_configuration_details": null}', 'dec99ac2-d76c-8ea8-a5f6-25bef9f9d3ca:confirm', '2026-11-20 20:32:58.979616+00');
INSERT INTO public.events VALUES ('evt_01a1faa9905770f4865148c807d3d915', 'payment_intent.succeeded', '2026-07-29.dahlia', '{"id": "pi_01a1faa99041738aa06a1104b34e1e0d", "amount": 211300, "object": "payment_intent", "review": null, "source": null, "status": "succeeded", "created": 1795206778, "currency": "inr", "customer": null, "livemode": false, "metadata": {"checkout_id": "ff449f04-64c6-8045-8f46-eba32045b270"}, "shipping": null, "processing": null, "application": null, "canceled_at": null, "description": null, "next_action": null, "on_behalf_of": null, "client_secret": null, "latest_charge": "ch_01a1faa9905471c7874eb07c51050982", "receipt_email": null, "transfer_data": null, "amount_details": {"tip": {}}, "capture_method": "automatic", "payment_method": "pm_01a1faa990527721a83f7db6aec34477", "transfer_group": null, "amount_received": 211300, "amount_capturable": 0, "last_payment_error": null, "setup_future_usage": null, "cancellation_reason": null, "confirmation_method": "automatic", "payment_method_types": ["card"], "statement_descriptor": null, "application_fee_amount": null, "payment_method_options": {}, "automatic_payment_methods": null, "statement_descriptor_suffix": null, "allowed_payment_method_types": null, "payment_method_configuration_details": null}', 'ff449f04-64c6-8045-8f46-eba32045b270:confirm', '2026-11-20 20:32:58.967775+00');
INSERT INTO public.payment_intents VALUES ('pi_01a1faa98fa77099b90a0e54a58e5944', 99900, 99900, 'inr', 'succeeded', 'pm_01a1faa98fc4710c9fc399cb0bb3ea01', '["card"]', NULL, NULL, 'ch_01a1faa98fc8744ca968f79ced4f9fa3', NULL, NULL, NULL, '{"checkout_id": "fd6cb906-0949-878a-a5b8-7ae66874550b"}', NULL, NULL, '2026-11-20 20:32:58.791215+00', 'automatic', NULL, NULL);
INSERT INTO public.payment_intents VALUES ('pi_01a1faa98fa87411b1407f7dd0064efa', 211300, 0, 'inr', 'canceled', NULL, '["card"]', NULL, NULL, NULL, '{"code": "authentication_required", "charge": null, "message": "The card''s issuer asks for authentication, which this payment does not offer.", "decline_code": "authentication_required", "payment_method": "pm_01a1faa98fd97682a88d30507d7d90d6"}', NULL, NULL, '{"checkout_id": "d0b75f98-46a7-87fc-9c2f-8b5e440fd344"}', NULL, '2026-11-20 20:32:58.861905+00', '2026-11-20 20:32:58.792224+00', 'automatic', NULL, NULL);
INSERT INTO public.payment_intents VALUES ('pi_01a1faa99041738aa06a1104b34e1e0d', 211300, 211300, 'inr', 'succeeded', 'pm_01a1faa990527721a83f7db6aec34477', '["card"]', NULL, NULL, 'ch_01a1faa9905471c7874eb07c51050982', NULL, NULL, NULL, '{"checkout_id": "ff449f04-64c6-8045-8f46-eba32045b270"}', NULL, NULL, '2026-11-20 20:32:58.945077+00', 'automatic', NULL, NULL);
INSERT INTO public.payment_intents VALUES ('pi_01a1faa9904873bd91a4c2801d33c71d', 115500, 115500, 'inr', 'succeeded', 'pm_01a1faa9905d7074b3ff81e7552d47cb', '["card"]', NULL, NULL, 'ch_01a1faa9905f711f9f56f97a84a669b4', NULL, NULL, NULL, '{"checkout_id": "dec99ac2-d76c-8ea8-a5f6-25bef9f9d3ca"}', NULL, NULL, '2026-11-20 20:32:58.952509+00', 'automatic', NULL, NULL);
INSERT INTO public.payment_methods VALUES ('pm_01a1faa98fc4710c9fc399cb0bb3ea01', 'visa', '4242', 12, 2029, 'credit', 'US', 'approved', '4597db8e892084c357e887e3', '{"name": null, "email": null, "phone": null, "address": {"city": null, "line1": null, "line2": null, "state": null, "country": null, "postal_code": null}}', '{}', '2026-11-20 20:32:58.820942+00');
INSERT INTO public.payment_methods VALUES ('pm_01a1faa98fd97682a88d30507d7d90d6', 'visa', '3155', 12, 2029, 'credit', 'US', 'authentication_required', 'a60ed1b176b733c90bbd9b7e', '{"name": null, "email": null, "phone": null, "address": {"city": null, "line1": null, "line2": null, "state": null, "country": null, "postal_code": null}}', '{}', '2026-11-20 20:32:58.84134+00');
INSERT INTO public.payment_methods VALUES ('pm_01a1faa990527721a83f7db6aec34477', 'visa', '4242', 12, 2029, 'credit', 'US', 'approved', '4597db8e892084c357e887e3', '{"name": null, "email": null, "phone": null, "address": {"city": null, "line1": null, "line2": null, "state": null, "country": null, "postal_code": null}}', '{}', '2026-11-20 20:32:58.962628+00');
INSERT INTO public.payment_methods VALUES ('pm_01a1faa9905d7074b3ff81e7552d47cb', 'visa', '4242', 12, 2029, 'credit', 'US', 'approved', '4597db8e892084c357e887e3', '{"name": null, "email": null, "phone": null, "address": {"city": null, "line1": null, "line2": null, "state": null, "country": null, "postal_code": null}}', '{}', '2026-11-20 20:32:58.973126+00');
INSERT INTO public.webhook_deliveries VALUES ('evt_01a1faa98fad73bbb1f6307bf3254e4e', 'we_configured', 1, '2026-11-20 20:33:18.808343+00', '2026-11-20 20:32:58.783711+00', '2026-11-20 20:32:58.836321+00', NULL);
INSERT INTO public.webhook_deliveries VALUES ('evt_01a1faa98fab76a387622efa7b69c510', 'we_configured', 1, '2026-11-20 20:33:18.808304+00', '2026-11-20 20:32:58.783326+00', '2026-11-20 20:32:58.835609+00', NULL);
INSERT INTO public.webhook_deliveries VALUES ('evt_01a1faa98fce763794fbf81a946327ca', 'we_configured', 1, '2026-11-20 20:33:18.842271+00', '2026-11-20 20:32:58.813538+00', '2026-11-20 20:32:58.879374+00', NULL);
INSERT INTO public.webhook_deliveries VALUES ('evt_01a1faa98ff0743fa1b815a4b254626e', 'we_configured', 1, '2026-11-20 20:33:18.882528+00', '2026-11-20 20:32:58.861244+00', '2026-11-20 20:32:58.896037+00', NULL);
INSERT INTO public.webhook_deliveries VALUES ('evt_01a1faa98fdd75e9bee9764038d4ef31', 'we_configured', 1, '2026-11-20 20:33:18.882489+00', '2026-11-20 20:32:58.824481+00', '2026-11-20 20:32:58.896615+00', NULL);
INSERT INTO public.webhook_deliveries VALUES ('evt_01a1faa9904275939047e72b91688449', 'we_configured', 1, '2026-11-20 20:33:18.953288+00', '2026-11-20 20:32:58.944201+00', '2026-11-20 20:32:58.96379+00', NULL);
INSERT INTO public.webhook_deliveries VALUES ('evt_01a1faa9904b719984ec657769004ff5', 'we_configured', 1, '2026-11-20 20:33:18.973915+00', '2026-11-20 20:32:58.950316+00', '2026-11-20 20:32:58.981278+00', NULL);
INSERT INTO public.webhook_deliveries VALUES ('evt_01a1faa9905770f4865148c807d3d915', 'we_configured', 1, '2026-11-20 20:33:18.973943+00', '2026-11-20 20:32:58.958713+00', '2026-11-20 20:32:59.003811+00', NULL);
INSERT INTO public.webhook_deliveries VALUES ('evt_01a1faa9906375a6b242cf545b56c3fa', 'we_configured', 1, '2026-11-20 20:33:19.00639+00', '2026-11-20 20:32:58.969732+00', '2026-11-20 20:32:59.019414+00', NULL);
INSERT INTO public.webhook_endpoints VALUES ('we_configured', 'http://127.0.0.1:18520/webhooks/payments', 'taken out', '{*}', true, NULL, '{}', '2026-11-20 20:32:57.560748+00');
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.charges
    ADD CONSTRAINT charges_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (kind, key);
ALTER TABLE ONLY public.payment_intents
    ADD CONSTRAINT payment_intents_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.payment_methods
    ADD CONSTRAINT payment_methods_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (event, endpoint);
ALTER TABLE ONLY public.webhook_endpoints
    ADD CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (id);
CREATE INDEX charges_of_intent ON public.charges USING btree (payment_intent, id);
CREATE UNIQUE INDEX charges_one_success ON public.charges USING btree (payment_intent) WHERE succeeded;
CREATE INDEX events_by_age ON public.events USING btree (created_at);
CREATE INDEX events_of_type ON public.events USING btree (type, id);
CREATE INDEX idempotency_keys_by_age ON public.idempotency_keys USING btree (created_at);
CREATE INDEX payment_intents_pending ON public.payment_intents USING btree (pending_until) WHERE (status = 'processing'::text);
CREATE INDEX refunds_of_charge ON public.refunds USING btree (charge, id);
CREATE INDEX refunds_of_intent ON public.refunds USING btree (payment_intent, id);
CREATE INDEX webhook_deliveries_due ON public.webhook_deliveries USING btree (endpoint, due_at) WHERE ((delivered_at IS NULL) AND (given_up_at IS NULL));
CREATE INDEX webhook_deliveries_of_endpoint ON public.webhook_deliveries USING btree (endpoint);
ALTER TABLE ONLY public.charges
    ADD CONSTRAINT charges_payment_intent_fkey FOREIGN KEY (payment_intent) REFERENCES public.payment_intents(id);
ALTER TABLE ONLY public.charges
    ADD CONSTRAINT charges_payment_method_fkey FOREIGN KEY (payment_method) REFERENCES public.payment_methods(id);
ALTER TABLE ONLY public.payment_intents
    ADD CONSTRAINT payment_intents_payment_method_fkey FOREIGN KEY (payment_method) REFERENCES public.payment_methods(id);
ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_charge_fkey FOREIGN KEY (charge) REFERENCES public.charges(id);
ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_payment_intent_fkey FOREIGN KEY (payment_intent) REFERENCES public.payment_intents(id);
ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_endpoint_fkey FOREIGN KEY (endpoint) REFERENCES public.webhook_endpoints(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_event_fkey FOREIGN KEY (event) REFERENCES public.events(id);
