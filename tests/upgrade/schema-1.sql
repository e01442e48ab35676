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
    CONSTRAINT sessions_check CHECK (((issuer IS NULL) = (subject IS NULL))),
    CONSTRAINT sessions_check1 CHECK (((ended_at IS NULL) = (ended_by IS NULL))),
    CONSTRAINT sessions_id_hash_check CHECK ((octet_length(id_hash) = 32))
);
INSERT INTO public.alembic_version VALUES ('0001');
INSERT INTO public.sessions VALUES ('\x432f5985456815e70862c0009a24af13aa8db6f201faa3cdc43c03205653fee6', 'guest:6cb832ee-e826-4050-8186-e0422c43df0e', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-20 10:01:22.21649+00', '2026-11-20 10:01:22.21649+00', '2026-11-20 10:01:22.212638+00', 'login');
INSERT INTO public.sessions VALUES ('\x9c86e1c2fe2c0c4f6646c69b91ff22ec2605f5c13780e1dacbc79ad82201537c', 'guest:831eb4f4-a305-479b-95f4-ec63f7c1bd2a', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-20 10:01:22.223124+00', '2026-11-20 10:01:22.223124+00', '2026-11-20 10:01:22.213559+00', 'login');
INSERT INTO public.sessions VALUES ('\x46a9f0d2c6f7d47c10c12d2f124dec9a4267cdd6d72c5b0c00702b09dbd38e8c', 'guest:6cb832ee-e826-4050-8186-e0422c43df0e', 'http://localhost:23693', '01a1f867-4df4-7600-bbc5-5bb4e42cc575', 'shopper-03', NULL, '2026-11-20 10:11:22.21229+00', '2026-11-20 10:16:22.21229+00', NULL, NULL, true, '2026-11-20 10:01:22.21649+00', '2026-11-20 10:01:22.21649+00', NULL, NULL);
INSERT INTO public.sessions VALUES ('\x3fe31773b9fdadc0c2903c32a3afbe03194e9b6930907051dd371f77bdb4527a', 'guest:831eb4f4-a305-479b-95f4-ec63f7c1bd2a', 'http://localhost:23693', '01a1f867-4df7-76e9-a583-417d066b0f3d', 'shopper-01', NULL, '2026-11-20 10:11:22.213414+00', '2026-11-20 10:16:22.213414+00', NULL, NULL, true, '2026-11-20 10:01:22.223124+00', '2026-11-20 10:01:22.223124+00', NULL, NULL);
INSERT INTO public.sessions VALUES ('\x5c297936b1f571d1f9c427a3514fc56bc23e3da484875ceea77497b4f7583859', 'guest:f37cfb7b-0fc1-4747-a3a9-2c36aaf749a3', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-20 10:01:22.07922+00', '2026-11-20 10:01:22.07922+00', '2026-11-20 10:01:22.264554+00', 'login');
INSERT INTO public.sessions VALUES ('\xfe867d81dcda16005e1419631d22fdea47b5d53036bcec5f5c2e06dbb56e36ea', 'guest:f37cfb7b-0fc1-4747-a3a9-2c36aaf749a3', 'http://localhost:23693', '01a1f867-4e3e-707c-a28f-833011230bdb', 'shopper-02', NULL, '2026-11-20 10:11:22.264292+00', '2026-11-20 10:16:22.264292+00', NULL, '4f457a7d-2820-49c1-8c9f-e1a15c3a2d46', true, '2026-11-20 10:01:22.266854+00', '2026-11-20 10:01:22.266854+00', NULL, NULL);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id_hash);
CREATE INDEX sessions_ended ON public.sessions USING btree (ended_at) WHERE (ended_at IS NOT NULL);
CREATE INDEX sessions_seen ON public.sessions USING btree (seen_at);

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
    CONSTRAINT hold_lines_quantity_check CHECK ((quantity > 0))
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
CREATE TABLE public.skus (
    sku text NOT NULL COLLATE pg_catalog."C",
    kind text,
    supplied bigint DEFAULT 0 NOT NULL,
    available bigint DEFAULT 0 NOT NULL,
    held bigint DEFAULT 0 NOT NULL,
    sold bigint DEFAULT 0 NOT NULL,
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
INSERT INTO public.alembic_version VALUES ('0001');
INSERT INTO public.hold_lines VALUES ('e2c9107b-166d-8a3a-99e3-3381470caf3b', 'raincoat', 1);
INSERT INTO public.hold_lines VALUES ('49794a98-d7cf-8e27-87eb-157c0fcd10c7', 'apron', 1);
INSERT INTO public.hold_lines VALUES ('49794a98-d7cf-8e27-87eb-157c0fcd10c7', 'ink-blue', 3);
INSERT INTO public.hold_lines VALUES ('49794a98-d7cf-8e27-87eb-157c0fcd10c7', 'pomegranate', 3);
INSERT INTO public.hold_lines VALUES ('fae1060d-e9df-8058-91b7-70e9d6b9881e', 'apron', 1);
INSERT INTO public.hold_lines VALUES ('fae1060d-e9df-8058-91b7-70e9d6b9881e', 'ink-blue', 3);
INSERT INTO public.hold_lines VALUES ('fae1060d-e9df-8058-91b7-70e9d6b9881e', 'pomegranate', 3);
INSERT INTO public.hold_lines VALUES ('7adf4e02-de82-8519-a523-aa8593390c08', 'candle', 1);
INSERT INTO public.hold_lines VALUES ('7adf4e02-de82-8519-a523-aa8593390c08', 'notebook-a6', 2);
INSERT INTO public.hold_lines VALUES ('7adf4e02-de82-8519-a523-aa8593390c08', 'sourdough', 2);
INSERT INTO public.holds VALUES ('e2c9107b-166d-8a3a-99e3-3381470caf3b', 'committed', '[]', '2026-11-20 10:01:22.457647+00', '2026-11-20 10:01:22.542511+00');
INSERT INTO public.holds VALUES ('49794a98-d7cf-8e27-87eb-157c0fcd10c7', 'released', '[]', '2026-11-20 10:01:22.474557+00', '2026-11-20 10:01:22.556898+00');
INSERT INTO public.holds VALUES ('fae1060d-e9df-8058-91b7-70e9d6b9881e', 'committed', '[]', '2026-11-20 10:01:22.616116+00', '2026-11-20 10:01:22.65179+00');
INSERT INTO public.holds VALUES ('7adf4e02-de82-8519-a523-aa8593390c08', 'committed', '[]', '2026-11-20 10:01:22.627967+00', '2026-11-20 10:01:22.655789+00');
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
INSERT INTO public.skus VALUES ('apple', 'product', 480, 480, 0, 0);
INSERT INTO public.skus VALUES ('assam-tea', 'product', 150, 150, 0, 0);
INSERT INTO public.skus VALUES ('atlas', 'product', 27, 27, 0, 0);
INSERT INTO public.skus VALUES ('banana', 'product', 600, 600, 0, 0);
INSERT INTO public.skus VALUES ('banana-bread', 'product', 28, 28, 0, 0);
INSERT INTO public.skus VALUES ('birthday-cake', 'product', 0, 0, 0, 0);
INSERT INTO public.skus VALUES ('birthday-cake-half', 'variant', 15, 15, 0, 0);
INSERT INTO public.skus VALUES ('birthday-cake-one', 'variant', 10, 10, 0, 0);
INSERT INTO public.skus VALUES ('birthday-cake-two', 'variant', 4, 4, 0, 0);
INSERT INTO public.skus VALUES ('blanket', 'product', 0, 0, 0, 0);
INSERT INTO public.skus VALUES ('blanket-double', 'variant', 7, 7, 0, 0);
INSERT INTO public.skus VALUES ('blanket-single', 'variant', 12, 12, 0, 0);
INSERT INTO public.skus VALUES ('brass-lamp', 'product', 0, 0, 0, 0);
INSERT INTO public.skus VALUES ('carrot', 'product', 400, 400, 0, 0);
INSERT INTO public.skus VALUES ('cauliflower', 'product', 85, 85, 0, 0);
INSERT INTO public.skus VALUES ('chef-knife', 'product', 25, 25, 0, 0);
INSERT INTO public.skus VALUES ('coconut', 'product', 140, 140, 0, 0);
INSERT INTO public.skus VALUES ('coconut-water', 'product', 110, 110, 0, 0);
INSERT INTO public.skus VALUES ('cookbook', 'product', 50, 50, 0, 0);
INSERT INTO public.skus VALUES ('croissant', 'product', 60, 60, 0, 0);
INSERT INTO public.skus VALUES ('filter-coffee', 'product', 0, 0, 0, 0);
INSERT INTO public.skus VALUES ('filter-coffee-beans', 'variant', 60, 60, 0, 0);
INSERT INTO public.skus VALUES ('filter-coffee-coarse', 'variant', 45, 45, 0, 0);
INSERT INTO public.skus VALUES ('filter-coffee-fine', 'variant', 80, 80, 0, 0);
INSERT INTO public.skus VALUES ('fountain-pen', 'product', 26, 26, 0, 0);
INSERT INTO public.skus VALUES ('ginger', 'product', 210, 210, 0, 0);
INSERT INTO public.skus VALUES ('ginger-ale', 'product', 180, 180, 0, 0);
INSERT INTO public.skus VALUES ('green-chilli', 'product', 500, 500, 0, 0);
INSERT INTO public.skus VALUES ('hand-soap', 'product', 170, 170, 0, 0);
INSERT INTO public.skus VALUES ('ink', 'product', 0, 0, 0, 0);
INSERT INTO public.skus VALUES ('ink-black', 'variant', 40, 40, 0, 0);
INSERT INTO public.skus VALUES ('ink-green', 'variant', 19, 19, 0, 0);
INSERT INTO public.skus VALUES ('jute-bag', 'product', 95, 95, 0, 0);
INSERT INTO public.skus VALUES ('kurta', 'product', 0, 0, 0, 0);
INSERT INTO public.skus VALUES ('kurta-l', 'variant', 20, 20, 0, 0);
INSERT INTO public.skus VALUES ('kurta-m', 'variant', 24, 24, 0, 0);
INSERT INTO public.skus VALUES ('kurta-s', 'variant', 16, 16, 0, 0);
INSERT INTO public.skus VALUES ('kurta-xl', 'variant', 9, 9, 0, 0);
INSERT INTO public.skus VALUES ('lime', 'product', 900, 900, 0, 0);
INSERT INTO public.skus VALUES ('mango', 'product', 90, 90, 0, 0);
INSERT INTO public.skus VALUES ('mango-lassi', 'product', 96, 96, 0, 0);
INSERT INTO public.skus VALUES ('masala-box', 'product', 44, 44, 0, 0);
INSERT INTO public.skus VALUES ('mortar', 'product', 18, 18, 0, 0);
INSERT INTO public.skus VALUES ('nankhatai', 'product', 70, 70, 0, 0);
INSERT INTO public.skus VALUES ('notebook', 'product', 0, 0, 0, 0);
INSERT INTO public.skus VALUES ('notebook-a4', 'variant', 30, 30, 0, 0);
INSERT INTO public.skus VALUES ('notebook-a5', 'variant', 75, 75, 0, 0);
INSERT INTO public.skus VALUES ('novel', 'product', 64, 64, 0, 0);
INSERT INTO public.skus VALUES ('okra', 'product', 160, 160, 0, 0);
INSERT INTO public.skus VALUES ('onion', 'product', 800, 800, 0, 0);
INSERT INTO public.skus VALUES ('orange', 'product', 320, 320, 0, 0);
INSERT INTO public.skus VALUES ('papaya', 'product', 75, 75, 0, 0);
INSERT INTO public.skus VALUES ('pav', 'product', 120, 120, 0, 0);
INSERT INTO public.skus VALUES ('pencils', 'product', 130, 130, 0, 0);
INSERT INTO public.skus VALUES ('picture-book', 'product', 72, 72, 0, 0);
INSERT INTO public.skus VALUES ('plant-pot', 'product', 0, 0, 0, 0);
INSERT INTO public.skus VALUES ('plant-pot-large', 'variant', 33, 33, 0, 0);
INSERT INTO public.skus VALUES ('plant-pot-small', 'variant', 80, 80, 0, 0);
INSERT INTO public.skus VALUES ('potato', 'product', 950, 950, 0, 0);
INSERT INTO public.skus VALUES ('pressure-cooker', 'product', 22, 22, 0, 0);
INSERT INTO public.skus VALUES ('puzzle-book', 'product', 41, 41, 0, 0);
INSERT INTO public.skus VALUES ('rose-syrup', 'product', 65, 65, 0, 0);
INSERT INTO public.skus VALUES ('sandals', 'product', 0, 0, 0, 0);
INSERT INTO public.skus VALUES ('sandals-38', 'variant', 8, 8, 0, 0);
INSERT INTO public.skus VALUES ('sandals-40', 'variant', 12, 12, 0, 0);
INSERT INTO public.skus VALUES ('sandals-42', 'variant', 10, 10, 0, 0);
INSERT INTO public.skus VALUES ('sandals-44', 'variant', 6, 6, 0, 0);
INSERT INTO public.skus VALUES ('scarf', 'product', 0, 0, 0, 0);
INSERT INTO public.skus VALUES ('scarf-forest', 'variant', 15, 15, 0, 0);
INSERT INTO public.skus VALUES ('scarf-mustard', 'variant', 18, 18, 0, 0);
INSERT INTO public.skus VALUES ('scarf-plum', 'variant', 11, 11, 0, 0);
INSERT INTO public.skus VALUES ('socks', 'product', 0, 0, 0, 0);
INSERT INTO public.skus VALUES ('socks-large', 'variant', 52, 52, 0, 0);
INSERT INTO public.skus VALUES ('socks-small', 'variant', 60, 60, 0, 0);
INSERT INTO public.skus VALUES ('spinach', 'product', 130, 130, 0, 0);
INSERT INTO public.skus VALUES ('t-shirt', 'product', 0, 0, 0, 0);
INSERT INTO public.skus VALUES ('t-shirt-blue-l', 'variant', 26, 26, 0, 0);
INSERT INTO public.skus VALUES ('t-shirt-blue-m', 'variant', 30, 30, 0, 0);
INSERT INTO public.skus VALUES ('t-shirt-blue-xl', 'variant', 12, 12, 0, 0);
INSERT INTO public.skus VALUES ('t-shirt-white-l', 'variant', 48, 48, 0, 0);
INSERT INTO public.skus VALUES ('t-shirt-white-m', 'variant', 55, 55, 0, 0);
INSERT INTO public.skus VALUES ('t-shirt-white-s', 'variant', 40, 40, 0, 0);
INSERT INTO public.skus VALUES ('tawa', 'product', 30, 30, 0, 0);
INSERT INTO public.skus VALUES ('tiffin', 'product', 0, 0, 0, 0);
INSERT INTO public.skus VALUES ('tiffin-four', 'variant', 14, 14, 0, 0);
INSERT INTO public.skus VALUES ('tiffin-three', 'variant', 27, 27, 0, 0);
INSERT INTO public.skus VALUES ('tiffin-two', 'variant', 34, 34, 0, 0);
INSERT INTO public.skus VALUES ('tomato', 'product', 700, 700, 0, 0);
INSERT INTO public.skus VALUES ('water-bottle', 'product', 0, 0, 0, 0);
INSERT INTO public.skus VALUES ('water-bottle-half', 'variant', 50, 50, 0, 0);
INSERT INTO public.skus VALUES ('water-bottle-one', 'variant', 38, 38, 0, 0);
INSERT INTO public.skus VALUES ('candle', 'product', 58, 57, 0, 1);
INSERT INTO public.skus VALUES ('raincoat', 'product', 33, 32, 0, 1);
INSERT INTO public.skus VALUES ('apron', 'product', 40, 39, 0, 1);
INSERT INTO public.skus VALUES ('notebook-a6', 'variant', 90, 88, 0, 2);
INSERT INTO public.skus VALUES ('sourdough', 'product', 35, 33, 0, 2);
INSERT INTO public.skus VALUES ('ink-blue', 'variant', 46, 43, 0, 3);
INSERT INTO public.skus VALUES ('pomegranate', 'product', 110, 107, 0, 3);
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
CREATE INDEX variants_of_product ON public.variants USING btree (product_id, variant_id);
ALTER TABLE ONLY public.hold_lines
    ADD CONSTRAINT hold_lines_checkout_id_fkey FOREIGN KEY (checkout_id) REFERENCES public.holds(checkout_id);
ALTER TABLE ONLY public.hold_lines
    ADD CONSTRAINT hold_lines_sku_fkey FOREIGN KEY (sku) REFERENCES public.skus(sku);
ALTER TABLE ONLY public.products
    ADD CONSTRAINT products_sku_kind_fkey FOREIGN KEY (sku, kind) REFERENCES public.skus(sku, kind);
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
                -- A checkout that was settled while we waited for the row has moved the pointer on.
                EXIT WHEN FOUND AND (p_cart IS NOT NULL OR v_row.status NOT IN ('purchased', 'deleted'));
                IF p_cart IS NOT NULL AND p_cart <> p_first_cart THEN
                    outcome := 'cart_not_found';
                    EXIT;
                END IF;
            END IF;
            INSERT INTO shoppers AS s (owner_id, current_cart_id) VALUES (p_owner, p_first_cart)
                ON CONFLICT (owner_id) DO UPDATE SET owner_id = excluded.owner_id
                RETURNING s.current_cart_id INTO v_cart;
            INSERT INTO carts (owner_id, cart_id, currency, expires_at)
                VALUES (p_owner, p_first_cart, p_currency, now() + make_interval(days => p_idle_days))
                ON CONFLICT (owner_id, cart_id) DO NOTHING;
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
                    ON CONFLICT (owner_id, cart_id, sku) DO UPDATE SET quantity = excluded.quantity;
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
                    expires_at = now() + make_interval(days => p_idle_days)
                WHERE owner_id = p_owner AND cart_id = v_cart;
            INSERT INTO history (owner_id, cart_id, version, action, sku, quantity, actor)
                VALUES (p_owner, v_cart, v_row.version + 1, p_action, p_sku, v_after, p_actor);
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
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
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
    CONSTRAINT purchases_amount_check CHECK ((amount > 0)),
    CONSTRAINT purchases_check CHECK (((state = 'pending'::text) = (decided_at IS NULL))),
    CONSTRAINT purchases_check1 CHECK (((state = 'failed'::text) = (reason IS NOT NULL))),
    CONSTRAINT purchases_check2 CHECK (((state = 'failed'::text) OR ((snapshot IS NOT NULL) AND (amount IS NOT NULL) AND (currency IS NOT NULL)))),
    CONSTRAINT purchases_check3 CHECK (((state <> 'paid'::text) OR (intent_id IS NOT NULL))),
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
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.shoppers (
    owner_id text NOT NULL,
    current_cart_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT shoppers_owner_id_check CHECK (((length(owner_id) >= 1) AND (length(owner_id) <= 80)))
);
INSERT INTO public.alembic_version VALUES ('0001');
INSERT INTO public.carts VALUES ('guest:6cb832ee-e826-4050-8186-e0422c43df0e', '416c78d9-ac05-836d-8998-18a5fd78535b', NULL, 'moved', 1, 'INR', 'e2b03b03-d6a6-4c38-9af6-ca6627774236', 'user:008831464d506146c000bb4da5522dce', 'sum', '2026-11-20 10:01:22.22654+00', '2026-11-20 10:01:22.228575+00', '2026-12-20 10:01:22.22654+00');
INSERT INTO public.carts VALUES ('guest:831eb4f4-a305-479b-95f4-ec63f7c1bd2a', 'b4937fc7-5d9a-8173-bae3-499501313f88', NULL, 'moved', 1, 'INR', 'dd71a7c7-deb3-4eda-8fea-d6434f1ab9bb', 'user:dd3dde4269fcf92fb894649872ea6235', 'sum', '2026-11-20 10:01:22.240183+00', '2026-11-20 10:01:22.248954+00', '2026-12-20 10:01:22.240183+00');
INSERT INTO public.carts VALUES ('guest:f37cfb7b-0fc1-4747-a3a9-2c36aaf749a3', 'd1ff5214-59b1-8749-9b2a-004d7406221e', NULL, 'moved', 2, 'INR', '4f457a7d-2820-49c1-8c9f-e1a15c3a2d46', 'user:8dc686de25770f8d97319ad095f8cb1f', 'sum', '2026-11-20 10:01:22.104678+00', '2026-11-20 10:01:22.306229+00', '2026-12-20 10:01:22.104678+00');
INSERT INTO public.carts VALUES ('user:dd3dde4269fcf92fb894649872ea6235', '4d027748-7439-8ade-a20c-389b97c02755', NULL, 'open', 0, 'INR', NULL, NULL, NULL, '2026-11-20 10:01:22.321809+00', '2026-11-20 10:01:22.321809+00', '2027-02-18 10:01:22.321809+00');
INSERT INTO public.carts VALUES ('user:008831464d506146c000bb4da5522dce', 'be82514c-553d-8978-86d9-b5ae67f1c5f3', NULL, 'open', 4, 'INR', NULL, NULL, NULL, '2026-11-20 10:01:22.310002+00', '2026-11-20 10:01:22.359551+00', '2027-02-18 10:01:22.359191+00');
INSERT INTO public.carts VALUES ('user:dd3dde4269fcf92fb894649872ea6235', '01a1f867-4ea6-732a-bb9a-ca3f9c75c82a', 'Later', 'open', 2, 'INR', NULL, NULL, NULL, '2026-11-20 10:01:22.321809+00', '2026-11-20 10:01:22.385886+00', '2027-02-18 10:01:22.385428+00');
INSERT INTO public.carts VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '68d06168-92f1-8609-8b89-81fb5421a6fb', NULL, 'purchased', 2, 'INR', NULL, NULL, NULL, '2026-11-20 10:01:22.289621+00', '2026-11-20 10:01:22.564455+00', '2027-02-18 10:01:22.412329+00');
INSERT INTO public.carts VALUES ('user:008831464d506146c000bb4da5522dce', '01a1f867-4ec8-7642-818d-6d522efa4fe2', 'Gifts', 'purchased', 6, 'INR', NULL, NULL, NULL, '2026-11-20 10:01:22.375214+00', '2026-11-20 10:01:22.66279+00', '2027-02-18 10:01:22.404389+00');
INSERT INTO public.carts VALUES ('user:008831464d506146c000bb4da5522dce', '01a1f867-4fe7-735b-8187-f9cf1e3706ee', NULL, 'open', 0, 'INR', NULL, NULL, NULL, '2026-11-20 10:01:22.658148+00', '2026-11-20 10:01:22.658148+00', '2027-02-18 10:01:22.658148+00');
INSERT INTO public.carts VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-4f84-7118-882b-7990c7386009', NULL, 'purchased', 3, 'INR', NULL, NULL, NULL, '2026-11-20 10:01:22.561238+00', '2026-11-20 10:01:22.667481+00', '2027-02-18 10:01:22.605698+00');
INSERT INTO public.carts VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-4feb-733e-8713-d7996e78d32c', 'For the office', 'open', 6, 'INR', NULL, NULL, NULL, '2026-11-20 10:01:22.663963+00', '2026-11-20 10:01:22.71709+00', '2027-02-18 10:01:22.716731+00');
INSERT INTO public.carts VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-5023-71ba-9996-93a50e6ea26a', 'Birthday', 'open', 4, 'INR', NULL, NULL, NULL, '2026-11-20 10:01:22.722776+00', '2026-11-20 10:01:22.741621+00', '2027-02-18 10:01:22.741446+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('guest:f37cfb7b-0fc1-4747-a3a9-2c36aaf749a3', 'd1ff5214-59b1-8749-9b2a-004d7406221e', 1, 1, 'add', 'raincoat', 2, 'guest', '2026-11-20 10:01:22.107992+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '68d06168-92f1-8609-8b89-81fb5421a6fb', 2, 1, 'adopt', 'raincoat', 2, 'adoption', '2026-11-20 10:01:22.300802+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:008831464d506146c000bb4da5522dce', 'be82514c-553d-8978-86d9-b5ae67f1c5f3', 3, 1, 'add', 'candle', 3, 'user', '2026-11-20 10:01:22.310691+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:008831464d506146c000bb4da5522dce', 'be82514c-553d-8978-86d9-b5ae67f1c5f3', 4, 2, 'add', 'blanket-double', 2, 'user', '2026-11-20 10:01:22.350341+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:008831464d506146c000bb4da5522dce', 'be82514c-553d-8978-86d9-b5ae67f1c5f3', 5, 3, 'add', 'sandals-44', 3, 'user', '2026-11-20 10:01:22.355838+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:008831464d506146c000bb4da5522dce', 'be82514c-553d-8978-86d9-b5ae67f1c5f3', 6, 4, 'add', 'pav', 2, 'user', '2026-11-20 10:01:22.359601+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:dd3dde4269fcf92fb894649872ea6235', '01a1f867-4ea6-732a-bb9a-ca3f9c75c82a', 7, 1, 'add', 'birthday-cake-two', 4, 'user', '2026-11-20 10:01:22.369644+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:dd3dde4269fcf92fb894649872ea6235', '01a1f867-4ea6-732a-bb9a-ca3f9c75c82a', 8, 2, 'add', 'ink-green', 3, 'user', '2026-11-20 10:01:22.385947+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:008831464d506146c000bb4da5522dce', '01a1f867-4ec8-7642-818d-6d522efa4fe2', 9, 1, 'add', 'apron', 1, 'user', '2026-11-20 10:01:22.396841+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:008831464d506146c000bb4da5522dce', '01a1f867-4ec8-7642-818d-6d522efa4fe2', 10, 2, 'add', 'pomegranate', 3, 'user', '2026-11-20 10:01:22.403431+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:008831464d506146c000bb4da5522dce', '01a1f867-4ec8-7642-818d-6d522efa4fe2', 11, 3, 'add', 'ink-blue', 3, 'user', '2026-11-20 10:01:22.404837+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '68d06168-92f1-8609-8b89-81fb5421a6fb', 12, 2, 'set', 'raincoat', 1, 'user', '2026-11-20 10:01:22.412851+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '68d06168-92f1-8609-8b89-81fb5421a6fb', 13, 2, 'purchase', NULL, NULL, 'checkout', '2026-11-20 10:01:22.434699+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:008831464d506146c000bb4da5522dce', '01a1f867-4ec8-7642-818d-6d522efa4fe2', 14, 5, 'purchase', NULL, NULL, 'checkout', '2026-11-20 10:01:22.471234+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '68d06168-92f1-8609-8b89-81fb5421a6fb', 15, 2, 'settle', NULL, NULL, 'checkout', '2026-11-20 10:01:22.564665+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:008831464d506146c000bb4da5522dce', '01a1f867-4ec8-7642-818d-6d522efa4fe2', 16, 6, 'unpurchase', NULL, NULL, 'checkout', '2026-11-20 10:01:22.572549+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-4f84-7118-882b-7990c7386009', 17, 1, 'add', 'notebook-a6', 2, 'user', '2026-11-20 10:01:22.588776+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-4f84-7118-882b-7990c7386009', 18, 2, 'add', 'candle', 1, 'user', '2026-11-20 10:01:22.59413+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-4f84-7118-882b-7990c7386009', 19, 3, 'add', 'sourdough', 2, 'user', '2026-11-20 10:01:22.606045+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:008831464d506146c000bb4da5522dce', '01a1f867-4ec8-7642-818d-6d522efa4fe2', 20, 6, 'purchase', NULL, NULL, 'checkout', '2026-11-20 10:01:22.609042+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-4f84-7118-882b-7990c7386009', 21, 3, 'purchase', NULL, NULL, 'checkout', '2026-11-20 10:01:22.624312+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:008831464d506146c000bb4da5522dce', '01a1f867-4ec8-7642-818d-6d522efa4fe2', 22, 6, 'settle', NULL, NULL, 'checkout', '2026-11-20 10:01:22.662946+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-4f84-7118-882b-7990c7386009', 23, 3, 'settle', NULL, NULL, 'checkout', '2026-11-20 10:01:22.667761+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-4feb-733e-8713-d7996e78d32c', 24, 1, 'add', 'blanket-double', 1, 'user', '2026-11-20 10:01:22.699707+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-4feb-733e-8713-d7996e78d32c', 25, 2, 'add', 'notebook-a4', 4, 'user', '2026-11-20 10:01:22.70596+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-4feb-733e-8713-d7996e78d32c', 26, 3, 'add', 'picture-book', 3, 'user', '2026-11-20 10:01:22.706475+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-4feb-733e-8713-d7996e78d32c', 27, 4, 'add', 'onion', 1, 'user', '2026-11-20 10:01:22.709011+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-4feb-733e-8713-d7996e78d32c', 28, 6, 'remove', 'notebook-a4', 0, 'user', '2026-11-20 10:01:22.717135+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-5023-71ba-9996-93a50e6ea26a', 29, 1, 'add', 'notebook-a6', 4, 'user', '2026-11-20 10:01:22.728816+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-5023-71ba-9996-93a50e6ea26a', 30, 2, 'add', 'birthday-cake-half', 2, 'user', '2026-11-20 10:01:22.734546+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-5023-71ba-9996-93a50e6ea26a', 31, 3, 'remove', 'birthday-cake-half', 0, 'user', '2026-11-20 10:01:22.738223+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-5023-71ba-9996-93a50e6ea26a', 32, 4, 'add', 'ink-blue', 2, 'user', '2026-11-20 10:01:22.741659+00');
INSERT INTO public.lines VALUES ('guest:f37cfb7b-0fc1-4747-a3a9-2c36aaf749a3', 'd1ff5214-59b1-8749-9b2a-004d7406221e', 'raincoat', 43, NULL, 2, 99900, '2026-11-20 10:01:22.10748+00');
INSERT INTO public.lines VALUES ('user:008831464d506146c000bb4da5522dce', 'be82514c-553d-8978-86d9-b5ae67f1c5f3', 'candle', 54, NULL, 3, 29900, '2026-11-20 10:01:22.310574+00');
INSERT INTO public.lines VALUES ('user:008831464d506146c000bb4da5522dce', 'be82514c-553d-8978-86d9-b5ae67f1c5f3', 'blanket-double', 55, 38, 2, 469900, '2026-11-20 10:01:22.349754+00');
INSERT INTO public.lines VALUES ('user:008831464d506146c000bb4da5522dce', 'be82514c-553d-8978-86d9-b5ae67f1c5f3', 'sandals-44', 42, 30, 3, 184900, '2026-11-20 10:01:22.355255+00');
INSERT INTO public.lines VALUES ('user:008831464d506146c000bb4da5522dce', 'be82514c-553d-8978-86d9-b5ae67f1c5f3', 'pav', 20, NULL, 2, 4500, '2026-11-20 10:01:22.359476+00');
INSERT INTO public.lines VALUES ('user:dd3dde4269fcf92fb894649872ea6235', '01a1f867-4ea6-732a-bb9a-ca3f9c75c82a', 'birthday-cake-two', 24, 9, 4, 289900, '2026-11-20 10:01:22.3695+00');
INSERT INTO public.lines VALUES ('user:dd3dde4269fcf92fb894649872ea6235', '01a1f867-4ea6-732a-bb9a-ca3f9c75c82a', 'ink-green', 51, 36, 3, 37900, '2026-11-20 10:01:22.385799+00');
INSERT INTO public.lines VALUES ('user:008831464d506146c000bb4da5522dce', '01a1f867-4ec8-7642-818d-6d522efa4fe2', 'apron', 38, NULL, 1, 79900, '2026-11-20 10:01:22.396694+00');
INSERT INTO public.lines VALUES ('user:008831464d506146c000bb4da5522dce', '01a1f867-4ec8-7642-818d-6d522efa4fe2', 'pomegranate', 7, NULL, 3, 8900, '2026-11-20 10:01:22.40328+00');
INSERT INTO public.lines VALUES ('user:008831464d506146c000bb4da5522dce', '01a1f867-4ec8-7642-818d-6d522efa4fe2', 'ink-blue', 51, 35, 3, 34900, '2026-11-20 10:01:22.404708+00');
INSERT INTO public.lines VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '68d06168-92f1-8609-8b89-81fb5421a6fb', 'raincoat', 43, NULL, 1, 99900, '2026-11-20 10:01:22.10748+00');
INSERT INTO public.lines VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-4f84-7118-882b-7990c7386009', 'notebook-a6', 49, 31, 2, 24900, '2026-11-20 10:01:22.588611+00');
INSERT INTO public.lines VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-4f84-7118-882b-7990c7386009', 'candle', 54, NULL, 1, 29900, '2026-11-20 10:01:22.593977+00');
INSERT INTO public.lines VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-4f84-7118-882b-7990c7386009', 'sourdough', 19, NULL, 2, 17900, '2026-11-20 10:01:22.605934+00');
INSERT INTO public.lines VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-4feb-733e-8713-d7996e78d32c', 'blanket-double', 55, 38, 1, 469900, '2026-11-20 10:01:22.699541+00');
INSERT INTO public.lines VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-4feb-733e-8713-d7996e78d32c', 'picture-book', 47, NULL, 3, 29900, '2026-11-20 10:01:22.706366+00');
INSERT INTO public.lines VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-4feb-733e-8713-d7996e78d32c', 'onion', 11, NULL, 1, 1000, '2026-11-20 10:01:22.708938+00');
INSERT INTO public.lines VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-5023-71ba-9996-93a50e6ea26a', 'notebook-a6', 49, 31, 4, 24900, '2026-11-20 10:01:22.728731+00');
INSERT INTO public.lines VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-5023-71ba-9996-93a50e6ea26a', 'ink-blue', 51, 35, 2, 34900, '2026-11-20 10:01:22.741584+00');
INSERT INTO public.purchases VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', 'e2c9107b-166d-8a3a-99e3-3381470caf3b', '68d06168-92f1-8609-8b89-81fb5421a6fb', 'paid', NULL, 'c833560639b34bf045cc937299888105950eb3962cd81d7b3ba877db804819d7', '{"email": "shopper-02@example.com", "lines": [{"sku": "raincoat", "title": "Folding Raincoat", "variant": null, "quantity": 1, "line_total": 99900, "product_id": 43, "unit_price": 99900, "variant_id": null}], "amount": 99900, "currency": "INR", "billing_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}, "shipping_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}}', 99900, 'INR', 'pi_01a1f8674f3f72f79948a6e945b52422', '2026-11-20 10:01:22.432661+00', '2026-11-20 10:01:22.514207+00', '2026-11-20 10:01:22.563776+00');
INSERT INTO public.purchases VALUES ('user:008831464d506146c000bb4da5522dce', '49794a98-d7cf-8e27-87eb-157c0fcd10c7', '01a1f867-4ec8-7642-818d-6d522efa4fe2', 'failed', 'authentication_required', 'd5a4c231f0b962c5c10ec91de3c920524e9548dd194a915bf78591acfff2ec86', '{"email": "shopper-03@example.com", "lines": [{"sku": "apron", "title": "Linen Apron", "variant": null, "quantity": 1, "line_total": 79900, "product_id": 38, "unit_price": 79900, "variant_id": null}, {"sku": "pomegranate", "title": "Pomegranate", "variant": null, "quantity": 3, "line_total": 26700, "product_id": 7, "unit_price": 8900, "variant_id": null}, {"sku": "ink-blue", "title": "Bottle of Ink, 60 ml", "variant": "Royal blue", "quantity": 3, "line_total": 104700, "product_id": 51, "unit_price": 34900, "variant_id": 35}], "amount": 211300, "currency": "INR", "billing_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}, "shipping_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}}', 211300, 'INR', 'pi_01a1f8674f5070778c43387043c72045', '2026-11-20 10:01:22.469769+00', '2026-11-20 10:01:22.52325+00', '2026-11-20 10:01:22.571994+00');
INSERT INTO public.purchases VALUES ('user:008831464d506146c000bb4da5522dce', 'fae1060d-e9df-8058-91b7-70e9d6b9881e', '01a1f867-4ec8-7642-818d-6d522efa4fe2', 'paid', NULL, 'b89e24b75518134a1ae11848ce2b9a9962b5eacdef7b01c2ba3f9780c1217dfd', '{"email": "shopper-03@example.com", "lines": [{"sku": "apron", "title": "Linen Apron", "variant": null, "quantity": 1, "line_total": 79900, "product_id": 38, "unit_price": 79900, "variant_id": null}, {"sku": "pomegranate", "title": "Pomegranate", "variant": null, "quantity": 3, "line_total": 26700, "product_id": 7, "unit_price": 8900, "variant_id": null}, {"sku": "ink-blue", "title": "Bottle of Ink, 60 ml", "variant": "Royal blue", "quantity": 3, "line_total": 104700, "product_id": 51, "unit_price": 34900, "variant_id": 35}], "amount": 211300, "currency": "INR", "billing_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}, "shipping_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}}', 211300, 'INR', 'pi_01a1f8674fc37572b9a869c9c70664fe', '2026-11-20 10:01:22.605223+00', '2026-11-20 10:01:22.635923+00', '2026-11-20 10:01:22.662112+00');
INSERT INTO public.purchases VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '7adf4e02-de82-8519-a523-aa8593390c08', '01a1f867-4f84-7118-882b-7990c7386009', 'paid', NULL, '8f2110ea4cf57ef149b9800fab5ac090634744d267201f933b72b5d0b9b588d6', '{"email": "shopper-02@example.com", "lines": [{"sku": "notebook-a6", "title": "Dotted Notebook", "variant": "A6, 120 pages", "quantity": 2, "line_total": 49800, "product_id": 49, "unit_price": 24900, "variant_id": 31}, {"sku": "candle", "title": "Beeswax Candle", "variant": null, "quantity": 1, "line_total": 29900, "product_id": 54, "unit_price": 29900, "variant_id": null}, {"sku": "sourdough", "title": "Sourdough Loaf", "variant": null, "quantity": 2, "line_total": 35800, "product_id": 19, "unit_price": 17900, "variant_id": null}], "amount": 115500, "currency": "INR", "billing_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}, "shipping_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}}', 115500, 'INR', 'pi_01a1f8674fcb737ca40c0113f6c9dc2d', '2026-11-20 10:01:22.623219+00', '2026-11-20 10:01:22.64217+00', '2026-11-20 10:01:22.667157+00');
INSERT INTO public.receipts VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '4f457a7d-2820-49c1-8c9f-e1a15c3a2d46', 'guest:f37cfb7b-0fc1-4747-a3a9-2c36aaf749a3', 'd1ff5214-59b1-8749-9b2a-004d7406221e', '68d06168-92f1-8609-8b89-81fb5421a6fb', 'sum', '[{"sku": "raincoat", "why": "moved", "quantity": 2, "user_quantity": 0, "guest_quantity": 2}]', '2026-11-20 10:01:22.289621+00');
INSERT INTO public.shoppers VALUES ('guest:6cb832ee-e826-4050-8186-e0422c43df0e', '416c78d9-ac05-836d-8998-18a5fd78535b', '2026-11-20 10:01:22.22654+00');
INSERT INTO public.shoppers VALUES ('guest:831eb4f4-a305-479b-95f4-ec63f7c1bd2a', 'b4937fc7-5d9a-8173-bae3-499501313f88', '2026-11-20 10:01:22.240183+00');
INSERT INTO public.shoppers VALUES ('guest:f37cfb7b-0fc1-4747-a3a9-2c36aaf749a3', 'd1ff5214-59b1-8749-9b2a-004d7406221e', '2026-11-20 10:01:22.104678+00');
INSERT INTO public.shoppers VALUES ('user:dd3dde4269fcf92fb894649872ea6235', '01a1f867-4ea6-732a-bb9a-ca3f9c75c82a', '2026-11-20 10:01:22.321809+00');
INSERT INTO public.shoppers VALUES ('user:008831464d506146c000bb4da5522dce', '01a1f867-4fe7-735b-8187-f9cf1e3706ee', '2026-11-20 10:01:22.310002+00');
INSERT INTO public.shoppers VALUES ('user:8dc686de25770f8d97319ad095f8cb1f', '01a1f867-5023-71ba-9996-93a50e6ea26a', '2026-11-20 10:01:22.289621+00');
SELECT pg_catalog.setval('public.history_entry_seq', 32, true);
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
ALTER TABLE ONLY public.shoppers
    ADD CONSTRAINT shoppers_pkey PRIMARY KEY (owner_id);
CREATE INDEX carts_moving ON public.carts USING btree (owner_id, updated_at) WHERE (status = 'moving'::text);
CREATE INDEX purchases_newest ON public.purchases USING btree (owner_id, created_at DESC, checkout_id);
CREATE UNIQUE INDEX purchases_one_live_per_cart ON public.purchases USING btree (owner_id, cart_id) WHERE (state = ANY (ARRAY['pending'::text, 'paid'::text]));
CREATE INDEX purchases_pending ON public.purchases USING btree (owner_id, created_at) WHERE (state = 'pending'::text);
ALTER TABLE ONLY public.carts
    ADD CONSTRAINT carts_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES public.shoppers(owner_id);
ALTER TABLE ONLY public.history
    ADD CONSTRAINT history_owner_id_cart_id_fkey FOREIGN KEY (owner_id, cart_id) REFERENCES public.carts(owner_id, cart_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.lines
    ADD CONSTRAINT lines_owner_id_cart_id_fkey FOREIGN KEY (owner_id, cart_id) REFERENCES public.carts(owner_id, cart_id) ON DELETE CASCADE;
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
    CONSTRAINT authorization_codes_check CHECK (((redeemed_at IS NULL) = (family_id IS NULL)))
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
    CONSTRAINT token_families_check CHECK (((revoked_at IS NULL) = (revoked_because IS NULL)))
);
INSERT INTO public.accounts VALUES ('01a1f867-4b97-7745-a3c2-080decd12cc8', 'alice', 'Alice', 'alice@example.com', '$argon2id$v=19$m=19456,t=2,p=1$CDY0u6NNrqsai7EzDzkdHg$blozVlzu13Owe6F311gulnHeTfZdYSnPlfqWzVYofs4', '', '2026-11-20 10:01:21.559203+00');
INSERT INTO public.accounts VALUES ('01a1f867-4bb0-7073-a761-c1d9b72a5ea3', 'bob', 'Bob', 'bob@example.com', '$argon2id$v=19$m=19456,t=2,p=1$xSP9MW1u/6QYBgpQwkyevQ$Jd/qWWoxGf2JrA43L27Shl+lbsIFyH+wAKvpOU/6DEY', '', '2026-11-20 10:01:21.584873+00');
INSERT INTO public.accounts VALUES ('01a1f867-4bc7-76e8-a88d-47dd539231c8', 'olga', 'Olga', 'olga@example.com', '$argon2id$v=19$m=19456,t=2,p=1$FpkfGn29TS12UNef7yheLg$Ecc9SMpOvCafmf2ycCR/3pdRHOb9kfqsgoAfabbFn6w', 'operator catalog:write', '2026-11-20 10:01:21.607789+00');
INSERT INTO public.accounts VALUES ('01a1f867-4df4-7600-bbc5-5bb4e42cc575', 'shopper-03', 'shopper-03', NULL, '$argon2id$v=19$m=19456,t=2,p=1$6eI5TYC+R5D5bSK9E3lUMQ$UJlNZhH92dKmylFBGU9U2b9gdxX4Sth2PxoGjtVKpVg', '', '2026-11-20 10:01:22.165007+00');
INSERT INTO public.accounts VALUES ('01a1f867-4df7-76e9-a583-417d066b0f3d', 'shopper-01', 'shopper-01', NULL, '$argon2id$v=19$m=19456,t=2,p=1$uVk9zNwfyh5x6J/l9yaXaA$Ay4DIG1fBQhpWaLO5bY07GLCBdEqpMLbUOXElAE4D0A', '', '2026-11-20 10:01:22.167111+00');
INSERT INTO public.accounts VALUES ('01a1f867-4e3e-707c-a28f-833011230bdb', 'shopper-02', 'shopper-02', NULL, '$argon2id$v=19$m=19456,t=2,p=1$WL9ktXL2BDXSF4QJldCfOA$cJDTY6hOGzli6wQ15jzZruVFUtKV06bHBrNi9pqS0VM', '', '2026-11-20 10:01:22.238301+00');
INSERT INTO public.alembic_version VALUES ('0001');
INSERT INTO public.sessions VALUES ('\x64f8d2482384386130452df1acf043f1156cbb498d35df737d740ba496be2370', '01a1f867-4df7-76e9-a583-417d066b0f3d', '2026-11-20 10:01:22.171243+00', '2026-11-20 22:01:22.171243+00');
INSERT INTO public.sessions VALUES ('\x883ed395c0556336189ec0876b4a8b21e4aa70aa444280661f0f533461422704', '01a1f867-4df4-7600-bbc5-5bb4e42cc575', '2026-11-20 10:01:22.170523+00', '2026-11-20 22:01:22.170523+00');
INSERT INTO public.sessions VALUES ('\x8b650a84f40a1526d9e3f24883874b398c1a1fb99999741afffa6773af9e1ae4', '01a1f867-4e3e-707c-a28f-833011230bdb', '2026-11-20 10:01:22.240739+00', '2026-11-20 22:01:22.240739+00');
INSERT INTO public.sign_in_failures VALUES ('shopper-01', '127.0.0.1', 1, '2026-11-20 10:01:22.124411+00');
INSERT INTO public.sign_in_failures VALUES ('shopper-03', '127.0.0.1', 1, '2026-11-20 10:01:22.120561+00');
INSERT INTO public.sign_in_failures VALUES ('shopper-02', '127.0.0.1', 1, '2026-11-20 10:01:22.190946+00');
INSERT INTO public.token_families VALUES ('01a1f867-4e10-7664-85d2-1724949bfc6a', 'controller', '01a1f867-4df4-7600-bbc5-5bb4e42cc575', 'openid profile email offline_access', '2026-11-20 10:01:22.170721+00', '2026-11-20 10:01:22.180998+00', '2026-12-20 10:01:22.180998+00', NULL, NULL);
INSERT INTO public.token_families VALUES ('01a1f867-4e12-739d-8584-bfabc1f9cf22', 'controller', '01a1f867-4df7-76e9-a583-417d066b0f3d', 'openid profile email offline_access', '2026-11-20 10:01:22.171308+00', '2026-11-20 10:01:22.187246+00', '2026-12-20 10:01:22.187246+00', NULL, NULL);
INSERT INTO public.token_families VALUES ('01a1f867-4e51-73ca-bbee-35f17cf6e7ea', 'controller', '01a1f867-4e3e-707c-a28f-833011230bdb', 'openid profile email offline_access', '2026-11-20 10:01:22.24089+00', '2026-11-20 10:01:22.253359+00', '2026-12-20 10:01:22.253359+00', NULL, NULL);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (account_id);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_username_key UNIQUE (username);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.authorization_codes
    ADD CONSTRAINT authorization_codes_pkey PRIMARY KEY (code_hash);
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
    CONSTRAINT charges_amount_check CHECK ((amount > 0)),
    CONSTRAINT charges_check CHECK ((succeeded = (failure_code IS NULL)))
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
    CONSTRAINT payment_intents_amount_check CHECK ((amount > 0)),
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
INSERT INTO public.alembic_version VALUES ('0001');
INSERT INTO public.charges VALUES ('ch_01a1f8674f607773858730d7c3cdcb47', 'pi_01a1f8674f3f72f79948a6e945b52422', 'pm_01a1f8674f5d7351a789ab5aa6c9c390', 99900, 'inr', true, NULL, NULL, NULL, '2026-11-20 10:01:22.528317+00');
INSERT INTO public.charges VALUES ('ch_01a1f8674fd37255a2bb6ab1118826f5', 'pi_01a1f8674fc37572b9a869c9c70664fe', 'pm_01a1f8674fd270f8b0633a3cb6b16a0f', 211300, 'inr', true, NULL, NULL, NULL, '2026-11-20 10:01:22.643475+00');
INSERT INTO public.charges VALUES ('ch_01a1f8674fd87606b866e8a99794a3a1', 'pi_01a1f8674fcb737ca40c0113f6c9dc2d', 'pm_01a1f8674fd87606b866e8a87d68d8ae', 115500, 'inr', true, NULL, NULL, NULL, '2026-11-20 10:01:22.648631+00');
INSERT INTO public.payment_intents VALUES ('pi_01a1f8674f3f72f79948a6e945b52422', 99900, 99900, 'inr', 'succeeded', 'pm_01a1f8674f5d7351a789ab5aa6c9c390', '["card"]', NULL, NULL, 'ch_01a1f8674f607773858730d7c3cdcb47', NULL, NULL, NULL, '{"checkout_id": "e2c9107b-166d-8a3a-99e3-3381470caf3b"}', NULL, NULL, '2026-11-20 10:01:22.49551+00');
INSERT INTO public.payment_intents VALUES ('pi_01a1f8674f5070778c43387043c72045', 211300, 0, 'inr', 'canceled', NULL, '["card"]', NULL, NULL, NULL, '{"code": "authentication_required", "charge": null, "message": "The card''s issuer asks for authentication, which this payment does not offer.", "decline_code": "authentication_required", "payment_method": "pm_01a1f8674f677744aa364736268a2361"}', NULL, NULL, '{"checkout_id": "49794a98-d7cf-8e27-87eb-157c0fcd10c7"}', NULL, '2026-11-20 10:01:22.543624+00', '2026-11-20 10:01:22.512272+00');
INSERT INTO public.payment_intents VALUES ('pi_01a1f8674fc37572b9a869c9c70664fe', 211300, 211300, 'inr', 'succeeded', 'pm_01a1f8674fd270f8b0633a3cb6b16a0f', '["card"]', NULL, NULL, 'ch_01a1f8674fd37255a2bb6ab1118826f5', NULL, NULL, NULL, '{"checkout_id": "fae1060d-e9df-8058-91b7-70e9d6b9881e"}', NULL, NULL, '2026-11-20 10:01:22.628014+00');
INSERT INTO public.payment_intents VALUES ('pi_01a1f8674fcb737ca40c0113f6c9dc2d', 115500, 115500, 'inr', 'succeeded', 'pm_01a1f8674fd87606b866e8a87d68d8ae', '["card"]', NULL, NULL, 'ch_01a1f8674fd87606b866e8a99794a3a1', NULL, NULL, NULL, '{"checkout_id": "7adf4e02-de82-8519-a523-aa8593390c08"}', NULL, NULL, '2026-11-20 10:01:22.635988+00');
INSERT INTO public.payment_methods VALUES ('pm_01a1f8674f5d7351a789ab5aa6c9c390', 'visa', '4242', 12, 2029, 'credit', 'US', 'approved', '6fdc1bc287d9038e0137fe41', '{"name": null, "email": null, "phone": null, "address": {"city": null, "line1": null, "line2": null, "state": null, "country": null, "postal_code": null}}', '{}', '2026-11-20 10:01:22.525036+00');
INSERT INTO public.payment_methods VALUES ('pm_01a1f8674f677744aa364736268a2361', 'visa', '3155', 12, 2029, 'credit', 'US', 'authentication_required', '82287221ace3d3fc0ebab975', '{"name": null, "email": null, "phone": null, "address": {"city": null, "line1": null, "line2": null, "state": null, "country": null, "postal_code": null}}', '{}', '2026-11-20 10:01:22.535142+00');
INSERT INTO public.payment_methods VALUES ('pm_01a1f8674fd270f8b0633a3cb6b16a0f', 'visa', '4242', 12, 2029, 'credit', 'US', 'approved', '6fdc1bc287d9038e0137fe41', '{"name": null, "email": null, "phone": null, "address": {"city": null, "line1": null, "line2": null, "state": null, "country": null, "postal_code": null}}', '{}', '2026-11-20 10:01:22.642182+00');
INSERT INTO public.payment_methods VALUES ('pm_01a1f8674fd87606b866e8a87d68d8ae', 'visa', '4242', 12, 2029, 'credit', 'US', 'approved', '6fdc1bc287d9038e0137fe41', '{"name": null, "email": null, "phone": null, "address": {"city": null, "line1": null, "line2": null, "state": null, "country": null, "postal_code": null}}', '{}', '2026-11-20 10:01:22.648032+00');
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.charges
    ADD CONSTRAINT charges_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (kind, key);
ALTER TABLE ONLY public.payment_intents
    ADD CONSTRAINT payment_intents_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.payment_methods
    ADD CONSTRAINT payment_methods_pkey PRIMARY KEY (id);
CREATE INDEX charges_of_intent ON public.charges USING btree (payment_intent, id);
CREATE UNIQUE INDEX charges_one_success ON public.charges USING btree (payment_intent) WHERE succeeded;
ALTER TABLE ONLY public.charges
    ADD CONSTRAINT charges_payment_intent_fkey FOREIGN KEY (payment_intent) REFERENCES public.payment_intents(id);
ALTER TABLE ONLY public.charges
    ADD CONSTRAINT charges_payment_method_fkey FOREIGN KEY (payment_method) REFERENCES public.payment_methods(id);
ALTER TABLE ONLY public.payment_intents
    ADD CONSTRAINT payment_intents_payment_method_fkey FOREIGN KEY (payment_method) REFERENCES public.payment_methods(id);
