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
    CONSTRAINT sessions_check CHECK (((issuer IS NULL) = (subject IS NULL))),
    CONSTRAINT sessions_check1 CHECK (((ended_at IS NULL) = (ended_by IS NULL))),
    CONSTRAINT sessions_id_hash_check CHECK ((octet_length(id_hash) = 32))
);
INSERT INTO public.adopted_guests VALUES ('guest:4a48f28e-7842-4d51-9c62-65be09dca8d4', 'user:01f6827ff433ecd7c3a13cfcfdc2ea7f', NULL, '2026-11-20 20:32:23.587071+00');
INSERT INTO public.adopted_guests VALUES ('guest:4d32f581-bc83-43fe-9e12-3eb37dd2f701', 'user:1734667012bf9ab33be673c5f064edda', NULL, '2026-11-20 20:32:23.595763+00');
INSERT INTO public.adopted_guests VALUES ('guest:51425f05-bbbf-43a1-864e-da487a8ec641', 'user:d01e388a1704904f5a47a08e2b1bbdf1', NULL, '2026-11-20 20:32:23.609245+00');
INSERT INTO public.alembic_version VALUES ('0004');
INSERT INTO public.sessions VALUES ('\xdf0c3a6a7fa5eb5064b163f0a4bb0107d83fb42fb480c68921670bffcc09fd67', 'guest:4a48f28e-7842-4d51-9c62-65be09dca8d4', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-20 20:32:23.587071+00', '2026-11-20 20:32:23.587071+00', '2026-11-20 20:32:23.583786+00', 'login', 'sum');
INSERT INTO public.sessions VALUES ('\xaf81e03df14da4bc4106857e176cb380ea73753029a22d6f739927c2c1c840f6', 'guest:4d32f581-bc83-43fe-9e12-3eb37dd2f701', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-20 20:32:23.595763+00', '2026-11-20 20:32:23.595763+00', '2026-11-20 20:32:23.594883+00', 'login', 'sum');
INSERT INTO public.sessions VALUES ('\x40326a5726f2437e585fd2715aa0795dfa9b0ee898f8f47b3fe7d19a49f5617a', 'guest:4a48f28e-7842-4d51-9c62-65be09dca8d4', 'http://localhost:19423', '01a1faa9-05e7-70d6-8cc9-633147105265', 'shopper-01', NULL, '2026-11-20 20:42:20.250131+00', '2026-11-20 20:47:18.583464+00', NULL, NULL, true, '2026-11-20 20:32:23.587071+00', '2026-11-20 20:32:23.587071+00', NULL, NULL, 'sum');
INSERT INTO public.sessions VALUES ('\xceca772da35fec8ec49e66d2eed8e723a4a6be129e2466d6472eaa330bf76708', 'guest:51425f05-bbbf-43a1-864e-da487a8ec641', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, '2026-11-20 20:32:23.517031+00', '2026-11-20 20:32:23.517031+00', '2026-11-20 20:32:23.606564+00', 'login', 'sum');
INSERT INTO public.sessions VALUES ('\x9b8ac7f9e751e996a8b3362d98897f46c06524862457921005fed54bfc58ecad', 'guest:51425f05-bbbf-43a1-864e-da487a8ec641', 'http://localhost:19423', '01a1faa9-061c-76ed-baf2-92672bab126c', 'shopper-02', NULL, '2026-11-20 20:42:20.273078+00', '2026-11-20 20:47:18.606411+00', NULL, '787106d4-addd-492f-8b6b-bc08187783f4', true, '2026-11-20 20:32:23.609245+00', '2026-11-20 20:32:23.609245+00', NULL, NULL, 'sum');
INSERT INTO public.sessions VALUES ('\x1ddaa04afd97a4ada6f0aafdfe3536aad0d55222803f1230b2a1c1cffdc1b20b', 'guest:4d32f581-bc83-43fe-9e12-3eb37dd2f701', 'http://localhost:19423', '01a1faa9-0600-759b-b4ff-10170d6bd326', 'shopper-03', NULL, '2026-11-20 20:42:20.26136+00', '2026-11-20 20:47:18.594693+00', NULL, NULL, true, '2026-11-20 20:32:23.595763+00', '2026-11-20 20:32:23.595763+00', NULL, NULL, 'sum');
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
CREATE INDEX sessions_unmoved ON public.sessions USING btree (created_at) WHERE ((NOT merge_done) AND (issuer IS NOT NULL));

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
INSERT INTO public.alembic_version VALUES ('0002');
INSERT INTO public.hold_lines VALUES ('11d2763f-f671-8035-85df-725527789d20', 'raincoat', 1, 0);
INSERT INTO public.hold_lines VALUES ('61ccd07c-4d2c-8d01-bccb-53f7ea8ed2bc', 'apron', 1, 0);
INSERT INTO public.hold_lines VALUES ('61ccd07c-4d2c-8d01-bccb-53f7ea8ed2bc', 'ink-blue', 3, 0);
INSERT INTO public.hold_lines VALUES ('61ccd07c-4d2c-8d01-bccb-53f7ea8ed2bc', 'pomegranate', 3, 0);
INSERT INTO public.hold_lines VALUES ('8073aa8a-df19-86e8-a8fa-dc53f6cbf468', 'apron', 1, 0);
INSERT INTO public.hold_lines VALUES ('8073aa8a-df19-86e8-a8fa-dc53f6cbf468', 'ink-blue', 3, 0);
INSERT INTO public.hold_lines VALUES ('8073aa8a-df19-86e8-a8fa-dc53f6cbf468', 'pomegranate', 3, 0);
INSERT INTO public.hold_lines VALUES ('b67b8611-94e3-897a-8a27-5e4b7f3059c9', 'candle', 1, 0);
INSERT INTO public.hold_lines VALUES ('b67b8611-94e3-897a-8a27-5e4b7f3059c9', 'notebook-a6', 2, 0);
INSERT INTO public.hold_lines VALUES ('b67b8611-94e3-897a-8a27-5e4b7f3059c9', 'sourdough', 2, 0);
INSERT INTO public.holds VALUES ('11d2763f-f671-8035-85df-725527789d20', 'committed', '[]', '2026-11-20 20:32:23.749948+00', '2026-11-20 20:32:23.841573+00');
INSERT INTO public.holds VALUES ('61ccd07c-4d2c-8d01-bccb-53f7ea8ed2bc', 'released', '[]', '2026-11-20 20:32:23.781064+00', '2026-11-20 20:32:23.847029+00');
INSERT INTO public.holds VALUES ('b67b8611-94e3-897a-8a27-5e4b7f3059c9', 'committed', '[]', '2026-11-20 20:32:23.908127+00', '2026-11-20 20:32:23.939248+00');
INSERT INTO public.holds VALUES ('8073aa8a-df19-86e8-a8fa-dc53f6cbf468', 'committed', '[]', '2026-11-20 20:32:23.900682+00', '2026-11-20 20:32:23.937326+00');
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
INSERT INTO public.skus VALUES ('raincoat', 'product', 33, 32, 0, 1);
INSERT INTO public.skus VALUES ('apron', 'product', 40, 39, 0, 1);
INSERT INTO public.skus VALUES ('candle', 'product', 58, 57, 0, 1);
INSERT INTO public.skus VALUES ('notebook-a6', 'variant', 90, 88, 0, 2);
INSERT INTO public.skus VALUES ('ink-blue', 'variant', 46, 43, 0, 3);
INSERT INTO public.skus VALUES ('pomegranate', 'product', 110, 107, 0, 3);
INSERT INTO public.skus VALUES ('sourdough', 'product', 35, 33, 0, 2);
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
    refunded bigint DEFAULT 0 NOT NULL,
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
    applied_at timestamp with time zone DEFAULT now() NOT NULL
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
    CONSTRAINT shoppers_owner_id_check CHECK (((length(owner_id) >= 1) AND (length(owner_id) <= 80)))
);
INSERT INTO public.alembic_version VALUES ('0002');
INSERT INTO public.carts VALUES ('guest:4a48f28e-7842-4d51-9c62-65be09dca8d4', 'b3e2164f-9f54-879f-a65b-063857ce59d2', NULL, 'moved', 1, 'INR', '8d3ad4e4-f5ce-4fc2-b2ad-a5d40401dd01', 'user:01f6827ff433ecd7c3a13cfcfdc2ea7f', 'sum', '2026-11-20 20:32:23.599862+00', '2026-11-20 20:32:23.601731+00', '2026-12-20 20:32:23.599862+00');
INSERT INTO public.carts VALUES ('guest:4d32f581-bc83-43fe-9e12-3eb37dd2f701', '1fcab551-e7fb-8bfa-b52c-9f7faa9b0218', NULL, 'moved', 1, 'INR', '8e04fcb1-5e50-422b-b5c2-fe65924e161b', 'user:1734667012bf9ab33be673c5f064edda', 'sum', '2026-11-20 20:32:23.608787+00', '2026-11-20 20:32:23.609368+00', '2026-12-20 20:32:23.608787+00');
INSERT INTO public.carts VALUES ('guest:51425f05-bbbf-43a1-864e-da487a8ec641', '97246092-0cd9-84f0-9e14-1cf74c765c44', NULL, 'moved', 2, 'INR', '787106d4-addd-492f-8b6b-bc08187783f4', 'user:d01e388a1704904f5a47a08e2b1bbdf1', 'sum', '2026-11-20 20:32:23.534755+00', '2026-11-20 20:32:23.634346+00', '2026-12-20 20:32:23.534755+00');
INSERT INTO public.carts VALUES ('user:01f6827ff433ecd7c3a13cfcfdc2ea7f', '03593727-cdd1-82b4-a7ba-c8020c735bdc', NULL, 'open', 0, 'INR', NULL, NULL, NULL, '2026-11-20 20:32:23.647011+00', '2026-11-20 20:32:23.647011+00', '2027-02-18 20:32:23.647011+00');
INSERT INTO public.carts VALUES ('user:01f6827ff433ecd7c3a13cfcfdc2ea7f', '01a1faa9-0665-75c8-a776-7730fec41035', 'Later', 'open', 2, 'INR', NULL, NULL, NULL, '2026-11-20 20:32:23.647011+00', '2026-11-20 20:32:23.688512+00', '2027-02-18 20:32:23.686157+00');
INSERT INTO public.carts VALUES ('user:1734667012bf9ab33be673c5f064edda', 'acc53192-e29f-80b2-bd42-5cbb35b5e6cd', NULL, 'open', 4, 'INR', NULL, NULL, NULL, '2026-11-20 20:32:23.687539+00', '2026-11-20 20:32:23.718616+00', '2027-02-18 20:32:23.718313+00');
INSERT INTO public.carts VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '31f0fffd-0bc9-80d3-bb17-88abd1428642', NULL, 'purchased', 2, 'INR', NULL, NULL, NULL, '2026-11-20 20:32:23.624611+00', '2026-11-20 20:32:23.859762+00', '2027-02-18 20:32:23.708512+00');
INSERT INTO public.carts VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-0735-7081-81fd-d040d3beb482', NULL, 'purchased', 3, 'INR', NULL, NULL, NULL, '2026-11-20 20:32:23.856371+00', '2026-11-20 20:32:23.958426+00', '2027-02-18 20:32:23.891643+00');
INSERT INTO public.carts VALUES ('user:1734667012bf9ab33be673c5f064edda', '01a1faa9-06af-77da-a61b-0a2ae2f620c0', 'Gifts', 'purchased', 6, 'INR', NULL, NULL, NULL, '2026-11-20 20:32:23.725913+00', '2026-11-20 20:32:23.959182+00', '2027-02-18 20:32:23.745765+00');
INSERT INTO public.carts VALUES ('user:1734667012bf9ab33be673c5f064edda', '01a1faa9-0797-7545-8132-2672e143509a', NULL, 'open', 0, 'INR', NULL, NULL, NULL, '2026-11-20 20:32:23.953229+00', '2026-11-20 20:32:23.953229+00', '2027-02-18 20:32:23.953229+00');
INSERT INTO public.carts VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-0797-7545-8132-2673a3728963', 'For the office', 'open', 6, 'INR', NULL, NULL, NULL, '2026-11-20 20:32:23.945902+00', '2026-11-20 20:32:23.991783+00', '2027-02-18 20:32:23.991609+00');
INSERT INTO public.carts VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-07bd-73c4-99de-40e98085a5c8', 'Birthday', 'open', 4, 'INR', NULL, NULL, NULL, '2026-11-20 20:32:23.996515+00', '2026-11-20 20:32:24.009819+00', '2027-02-18 20:32:24.009694+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('guest:51425f05-bbbf-43a1-864e-da487a8ec641', '97246092-0cd9-84f0-9e14-1cf74c765c44', 1, 1, 'add', 'raincoat', 2, 'guest', '2026-11-20 20:32:23.538068+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '31f0fffd-0bc9-80d3-bb17-88abd1428642', 2, 1, 'adopt', 'raincoat', 2, 'adoption', '2026-11-20 20:32:23.62789+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:01f6827ff433ecd7c3a13cfcfdc2ea7f', '01a1faa9-0665-75c8-a776-7730fec41035', 3, 1, 'add', 'birthday-cake-two', 4, 'user', '2026-11-20 20:32:23.671094+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:01f6827ff433ecd7c3a13cfcfdc2ea7f', '01a1faa9-0665-75c8-a776-7730fec41035', 4, 2, 'add', 'ink-green', 3, 'user', '2026-11-20 20:32:23.689424+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:1734667012bf9ab33be673c5f064edda', 'acc53192-e29f-80b2-bd42-5cbb35b5e6cd', 5, 1, 'add', 'candle', 3, 'user', '2026-11-20 20:32:23.692245+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:1734667012bf9ab33be673c5f064edda', 'acc53192-e29f-80b2-bd42-5cbb35b5e6cd', 6, 2, 'add', 'blanket-double', 2, 'user', '2026-11-20 20:32:23.701125+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:1734667012bf9ab33be673c5f064edda', 'acc53192-e29f-80b2-bd42-5cbb35b5e6cd', 7, 3, 'add', 'sandals-44', 3, 'user', '2026-11-20 20:32:23.702506+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '31f0fffd-0bc9-80d3-bb17-88abd1428642', 8, 2, 'set', 'raincoat', 1, 'user', '2026-11-20 20:32:23.708791+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:1734667012bf9ab33be673c5f064edda', 'acc53192-e29f-80b2-bd42-5cbb35b5e6cd', 9, 4, 'add', 'pav', 2, 'user', '2026-11-20 20:32:23.718661+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '31f0fffd-0bc9-80d3-bb17-88abd1428642', 10, 2, 'purchase', NULL, NULL, 'checkout', '2026-11-20 20:32:23.72923+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:1734667012bf9ab33be673c5f064edda', '01a1faa9-06af-77da-a61b-0a2ae2f620c0', 11, 1, 'add', 'ink-blue', 3, 'user', '2026-11-20 20:32:23.744644+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:1734667012bf9ab33be673c5f064edda', '01a1faa9-06af-77da-a61b-0a2ae2f620c0', 12, 2, 'add', 'pomegranate', 3, 'user', '2026-11-20 20:32:23.745587+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:1734667012bf9ab33be673c5f064edda', '01a1faa9-06af-77da-a61b-0a2ae2f620c0', 13, 3, 'add', 'apron', 1, 'user', '2026-11-20 20:32:23.746192+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:1734667012bf9ab33be673c5f064edda', '01a1faa9-06af-77da-a61b-0a2ae2f620c0', 14, 5, 'purchase', NULL, NULL, 'checkout', '2026-11-20 20:32:23.77856+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '31f0fffd-0bc9-80d3-bb17-88abd1428642', 15, 2, 'settle', NULL, NULL, 'checkout', '2026-11-20 20:32:23.859877+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:1734667012bf9ab33be673c5f064edda', '01a1faa9-06af-77da-a61b-0a2ae2f620c0', 16, 6, 'unpurchase', NULL, NULL, 'checkout', '2026-11-20 20:32:23.863765+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-0735-7081-81fd-d040d3beb482', 17, 1, 'add', 'notebook-a6', 2, 'user', '2026-11-20 20:32:23.880413+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-0735-7081-81fd-d040d3beb482', 18, 2, 'add', 'candle', 1, 'user', '2026-11-20 20:32:23.884761+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-0735-7081-81fd-d040d3beb482', 19, 3, 'add', 'sourdough', 2, 'user', '2026-11-20 20:32:23.892417+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:1734667012bf9ab33be673c5f064edda', '01a1faa9-06af-77da-a61b-0a2ae2f620c0', 20, 6, 'purchase', NULL, NULL, 'checkout', '2026-11-20 20:32:23.896968+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-0735-7081-81fd-d040d3beb482', 21, 3, 'purchase', NULL, NULL, 'checkout', '2026-11-20 20:32:23.90593+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:1734667012bf9ab33be673c5f064edda', '01a1faa9-06af-77da-a61b-0a2ae2f620c0', 22, 6, 'settle', NULL, NULL, 'checkout', '2026-11-20 20:32:23.959484+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-0735-7081-81fd-d040d3beb482', 23, 3, 'settle', NULL, NULL, 'checkout', '2026-11-20 20:32:23.959598+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-0797-7545-8132-2673a3728963', 24, 1, 'add', 'blanket-double', 1, 'user', '2026-11-20 20:32:23.979666+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-0797-7545-8132-2673a3728963', 25, 2, 'add', 'onion', 1, 'user', '2026-11-20 20:32:23.981774+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-0797-7545-8132-2673a3728963', 26, 3, 'add', 'notebook-a4', 4, 'user', '2026-11-20 20:32:23.982221+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-0797-7545-8132-2673a3728963', 27, 4, 'add', 'picture-book', 3, 'user', '2026-11-20 20:32:23.984205+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-0797-7545-8132-2673a3728963', 28, 6, 'remove', 'notebook-a4', 0, 'user', '2026-11-20 20:32:23.991818+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-07bd-73c4-99de-40e98085a5c8', 29, 1, 'add', 'notebook-a6', 4, 'user', '2026-11-20 20:32:24.001627+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-07bd-73c4-99de-40e98085a5c8', 30, 2, 'add', 'birthday-cake-half', 2, 'user', '2026-11-20 20:32:24.004637+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-07bd-73c4-99de-40e98085a5c8', 31, 3, 'remove', 'birthday-cake-half', 0, 'user', '2026-11-20 20:32:24.007278+00');
INSERT INTO public.history OVERRIDING SYSTEM VALUE VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-07bd-73c4-99de-40e98085a5c8', 32, 4, 'add', 'ink-blue', 2, 'user', '2026-11-20 20:32:24.00985+00');
INSERT INTO public.lines VALUES ('guest:51425f05-bbbf-43a1-864e-da487a8ec641', '97246092-0cd9-84f0-9e14-1cf74c765c44', 'raincoat', 43, NULL, 2, 99900, '2026-11-20 20:32:23.537601+00');
INSERT INTO public.lines VALUES ('user:01f6827ff433ecd7c3a13cfcfdc2ea7f', '01a1faa9-0665-75c8-a776-7730fec41035', 'birthday-cake-two', 24, 9, 4, 289900, '2026-11-20 20:32:23.670924+00');
INSERT INTO public.lines VALUES ('user:01f6827ff433ecd7c3a13cfcfdc2ea7f', '01a1faa9-0665-75c8-a776-7730fec41035', 'ink-green', 51, 36, 3, 37900, '2026-11-20 20:32:23.688321+00');
INSERT INTO public.lines VALUES ('user:1734667012bf9ab33be673c5f064edda', 'acc53192-e29f-80b2-bd42-5cbb35b5e6cd', 'candle', 54, NULL, 3, 29900, '2026-11-20 20:32:23.691873+00');
INSERT INTO public.lines VALUES ('user:1734667012bf9ab33be673c5f064edda', 'acc53192-e29f-80b2-bd42-5cbb35b5e6cd', 'blanket-double', 55, 38, 2, 469900, '2026-11-20 20:32:23.70101+00');
INSERT INTO public.lines VALUES ('user:1734667012bf9ab33be673c5f064edda', 'acc53192-e29f-80b2-bd42-5cbb35b5e6cd', 'sandals-44', 42, 30, 3, 184900, '2026-11-20 20:32:23.702389+00');
INSERT INTO public.lines VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '31f0fffd-0bc9-80d3-bb17-88abd1428642', 'raincoat', 43, NULL, 1, 99900, '2026-11-20 20:32:23.537601+00');
INSERT INTO public.lines VALUES ('user:1734667012bf9ab33be673c5f064edda', 'acc53192-e29f-80b2-bd42-5cbb35b5e6cd', 'pav', 20, NULL, 2, 4500, '2026-11-20 20:32:23.718552+00');
INSERT INTO public.lines VALUES ('user:1734667012bf9ab33be673c5f064edda', '01a1faa9-06af-77da-a61b-0a2ae2f620c0', 'ink-blue', 51, 35, 3, 34900, '2026-11-20 20:32:23.744515+00');
INSERT INTO public.lines VALUES ('user:1734667012bf9ab33be673c5f064edda', '01a1faa9-06af-77da-a61b-0a2ae2f620c0', 'pomegranate', 7, NULL, 3, 8900, '2026-11-20 20:32:23.745469+00');
INSERT INTO public.lines VALUES ('user:1734667012bf9ab33be673c5f064edda', '01a1faa9-06af-77da-a61b-0a2ae2f620c0', 'apron', 38, NULL, 1, 79900, '2026-11-20 20:32:23.746045+00');
INSERT INTO public.lines VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-0735-7081-81fd-d040d3beb482', 'notebook-a6', 49, 31, 2, 24900, '2026-11-20 20:32:23.880296+00');
INSERT INTO public.lines VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-0735-7081-81fd-d040d3beb482', 'candle', 54, NULL, 1, 29900, '2026-11-20 20:32:23.88463+00');
INSERT INTO public.lines VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-0735-7081-81fd-d040d3beb482', 'sourdough', 19, NULL, 2, 17900, '2026-11-20 20:32:23.891874+00');
INSERT INTO public.lines VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-0797-7545-8132-2673a3728963', 'blanket-double', 55, 38, 1, 469900, '2026-11-20 20:32:23.979401+00');
INSERT INTO public.lines VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-0797-7545-8132-2673a3728963', 'onion', 11, NULL, 1, 1000, '2026-11-20 20:32:23.981678+00');
INSERT INTO public.lines VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-0797-7545-8132-2673a3728963', 'picture-book', 47, NULL, 3, 29900, '2026-11-20 20:32:23.984147+00');
INSERT INTO public.lines VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-07bd-73c4-99de-40e98085a5c8', 'notebook-a6', 49, 31, 4, 24900, '2026-11-20 20:32:24.00157+00');
INSERT INTO public.lines VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-07bd-73c4-99de-40e98085a5c8', 'ink-blue', 51, 35, 2, 34900, '2026-11-20 20:32:24.009792+00');
INSERT INTO public.purchases VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '11d2763f-f671-8035-85df-725527789d20', '31f0fffd-0bc9-80d3-bb17-88abd1428642', 'paid', NULL, '44d8983f90e37e409029f563eac8af95611fda64e8b92e34dca98533c0a2df2c', '{"email": "shopper-02@example.com", "lines": [{"sku": "raincoat", "title": "Folding Raincoat", "variant": null, "quantity": 1, "line_total": 99900, "product_id": 43, "unit_price": 99900, "variant_id": null}], "amount": 99900, "currency": "INR", "billing_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}, "shipping_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}}', 99900, 'INR', 'pi_01a1faa906e37550b91b65e5e5ab6bec', '2026-11-20 20:32:23.724366+00', '2026-11-20 20:32:23.794598+00', '2026-11-20 20:32:23.8596+00', 0);
INSERT INTO public.purchases VALUES ('user:1734667012bf9ab33be673c5f064edda', '61ccd07c-4d2c-8d01-bccb-53f7ea8ed2bc', '01a1faa9-06af-77da-a61b-0a2ae2f620c0', 'failed', 'authentication_required', '4188c1f8e38862e5a1746da2ca85014fe8e9d2afb7b283f4187cc4c14cad4cb1', '{"email": "shopper-03@example.com", "lines": [{"sku": "ink-blue", "title": "Bottle of Ink, 60 ml", "variant": "Royal blue", "quantity": 3, "line_total": 104700, "product_id": 51, "unit_price": 34900, "variant_id": 35}, {"sku": "pomegranate", "title": "Pomegranate", "variant": null, "quantity": 3, "line_total": 26700, "product_id": 7, "unit_price": 8900, "variant_id": null}, {"sku": "apron", "title": "Linen Apron", "variant": null, "quantity": 1, "line_total": 79900, "product_id": 38, "unit_price": 79900, "variant_id": null}], "amount": 211300, "currency": "INR", "billing_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}, "shipping_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}}', 211300, 'INR', 'pi_01a1faa906fa704bb5b2a9eda8b60959', '2026-11-20 20:32:23.77732+00', '2026-11-20 20:32:23.811337+00', '2026-11-20 20:32:23.863091+00', 0);
INSERT INTO public.purchases VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', 'b67b8611-94e3-897a-8a27-5e4b7f3059c9', '01a1faa9-0735-7081-81fd-d040d3beb482', 'paid', NULL, '8591f02dfc2d70b63294cfb54ed7e71f897f0fe485cfb08c5a9130053e95a49f', '{"email": "shopper-02@example.com", "lines": [{"sku": "notebook-a6", "title": "Dotted Notebook", "variant": "A6, 120 pages", "quantity": 2, "line_total": 49800, "product_id": 49, "unit_price": 24900, "variant_id": 31}, {"sku": "candle", "title": "Beeswax Candle", "variant": null, "quantity": 1, "line_total": 29900, "product_id": 54, "unit_price": 29900, "variant_id": null}, {"sku": "sourdough", "title": "Sourdough Loaf", "variant": null, "quantity": 2, "line_total": 35800, "product_id": 19, "unit_price": 17900, "variant_id": null}], "amount": 115500, "currency": "INR", "billing_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}, "shipping_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}}', 115500, 'INR', 'pi_01a1faa9076a70cfbc8bedaee1c80e5c', '2026-11-20 20:32:23.905343+00', '2026-11-20 20:32:23.922469+00', '2026-11-20 20:32:23.955505+00', 0);
INSERT INTO public.purchases VALUES ('user:1734667012bf9ab33be673c5f064edda', '8073aa8a-df19-86e8-a8fa-dc53f6cbf468', '01a1faa9-06af-77da-a61b-0a2ae2f620c0', 'paid', NULL, '7a2d1d5851b0acaceb92dfe8331871c64ba7cec974d9681c6b8c9d11b0a0f8af', '{"email": "shopper-03@example.com", "lines": [{"sku": "ink-blue", "title": "Bottle of Ink, 60 ml", "variant": "Royal blue", "quantity": 3, "line_total": 104700, "product_id": 51, "unit_price": 34900, "variant_id": 35}, {"sku": "pomegranate", "title": "Pomegranate", "variant": null, "quantity": 3, "line_total": 26700, "product_id": 7, "unit_price": 8900, "variant_id": null}, {"sku": "apron", "title": "Linen Apron", "variant": null, "quantity": 1, "line_total": 79900, "product_id": 38, "unit_price": 79900, "variant_id": null}], "amount": 211300, "currency": "INR", "billing_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}, "shipping_address": {"city": "Pune", "name": "A. Shopper", "line1": "1 FC Road", "line2": null, "phone": null, "state": null, "country": "IN", "postal_code": "411001"}}', 211300, 'INR', 'pi_01a1faa9076470c48a42cee8a796c443', '2026-11-20 20:32:23.895809+00', '2026-11-20 20:32:23.916674+00', '2026-11-20 20:32:23.95891+00', 0);
INSERT INTO public.receipts VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '787106d4-addd-492f-8b6b-bc08187783f4', 'guest:51425f05-bbbf-43a1-864e-da487a8ec641', '97246092-0cd9-84f0-9e14-1cf74c765c44', '31f0fffd-0bc9-80d3-bb17-88abd1428642', 'sum', '[{"sku": "raincoat", "why": "moved", "quantity": 2, "user_quantity": 0, "guest_quantity": 2}]', '2026-11-20 20:32:23.624611+00');
INSERT INTO public.shoppers VALUES ('guest:4a48f28e-7842-4d51-9c62-65be09dca8d4', 'b3e2164f-9f54-879f-a65b-063857ce59d2', '2026-11-20 20:32:23.599862+00');
INSERT INTO public.shoppers VALUES ('guest:4d32f581-bc83-43fe-9e12-3eb37dd2f701', '1fcab551-e7fb-8bfa-b52c-9f7faa9b0218', '2026-11-20 20:32:23.608787+00');
INSERT INTO public.shoppers VALUES ('guest:51425f05-bbbf-43a1-864e-da487a8ec641', '97246092-0cd9-84f0-9e14-1cf74c765c44', '2026-11-20 20:32:23.534755+00');
INSERT INTO public.shoppers VALUES ('user:01f6827ff433ecd7c3a13cfcfdc2ea7f', '01a1faa9-0665-75c8-a776-7730fec41035', '2026-11-20 20:32:23.647011+00');
INSERT INTO public.shoppers VALUES ('user:1734667012bf9ab33be673c5f064edda', '01a1faa9-0797-7545-8132-2672e143509a', '2026-11-20 20:32:23.687539+00');
INSERT INTO public.shoppers VALUES ('user:d01e388a1704904f5a47a08e2b1bbdf1', '01a1faa9-07bd-73c4-99de-40e98085a5c8', '2026-11-20 20:32:23.624611+00');
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
ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_pkey PRIMARY KEY (owner_id, refund_id);
ALTER TABLE ONLY public.shoppers
    ADD CONSTRAINT shoppers_pkey PRIMARY KEY (owner_id);
CREATE INDEX carts_moving ON public.carts USING btree (owner_id, updated_at) WHERE (status = 'moving'::text);
CREATE INDEX purchases_by_checkout ON public.purchases USING btree (checkout_id);
CREATE INDEX purchases_newest ON public.purchases USING btree (owner_id, created_at DESC, checkout_id);
CREATE UNIQUE INDEX purchases_one_live_per_cart ON public.purchases USING btree (owner_id, cart_id) WHERE (state = ANY (ARRAY['pending'::text, 'paid'::text]));
CREATE INDEX purchases_pending ON public.purchases USING btree (owner_id, created_at) WHERE (state = 'pending'::text);
CREATE INDEX refunds_of_purchase ON public.refunds USING btree (owner_id, checkout_id, created_at);
CREATE UNIQUE INDEX refunds_one_per_processor_refund ON public.refunds USING btree (owner_id, processor_refund_id) WHERE (processor_refund_id IS NOT NULL);
CREATE INDEX refunds_pending ON public.refunds USING btree (owner_id, created_at) WHERE (state = 'pending'::text);
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
INSERT INTO public.accounts VALUES ('01a1faa9-03af-7223-8a77-c0b1aa6e4e78', 'alice', 'Alice', 'alice@example.com', '$argon2id$v=19$m=19456,t=2,p=1$e8bOlR3KX4HGOMXWJ12KFg$Zkxv3oPVqkpq0+Tcfy7VBEavZx4jfHPPjC51imTgB58', '', '2026-11-20 20:32:22.959148+00');
INSERT INTO public.accounts VALUES ('01a1faa9-03c9-746f-a42b-5f8f34b28237', 'bob', 'Bob', 'bob@example.com', '$argon2id$v=19$m=19456,t=2,p=1$9NHv/yptyg4OCxnrK9afCQ$2uGBHPm6ep5uq8FEoA6xvQjRob5z9CTXIzQsIylFg7w', '', '2026-11-20 20:32:22.985117+00');
INSERT INTO public.accounts VALUES ('01a1faa9-03de-76e9-b19c-5da856b7f5a9', 'olga', 'Olga', 'olga@example.com', '$argon2id$v=19$m=19456,t=2,p=1$rEfJnrHpendB34r768CPww$k2HlS7OIzy50Qropd92v3PE4UNXCq003FkJ1grHZox0', 'operator catalog:write', '2026-11-20 20:32:23.006935+00');
INSERT INTO public.accounts VALUES ('01a1faa9-05e7-70d6-8cc9-633147105265', 'shopper-01', 'shopper-01', NULL, '$argon2id$v=19$m=19456,t=2,p=1$9B8EWvPqLkJ/F+XtfVsTWA$SjBM10khMjvk7vRSRkwmpoHUTKGYgvh3QELhwW1NiXA', '', '2026-11-20 20:32:23.527159+00');
INSERT INTO public.accounts VALUES ('01a1faa9-0600-759b-b4ff-10170d6bd326', 'shopper-03', 'shopper-03', NULL, '$argon2id$v=19$m=19456,t=2,p=1$NRHXW8Rrth+t9OP6d95zwA$P4qeB6WjGYrcTkfmxt++G3WupDoYzQ619EzdXKZ4Z0U', '', '2026-11-20 20:32:23.552364+00');
INSERT INTO public.accounts VALUES ('01a1faa9-061c-76ed-baf2-92672bab126c', 'shopper-02', 'shopper-02', NULL, '$argon2id$v=19$m=19456,t=2,p=1$dZsHM6BE/81D4ZbZ5Zpywg$sEBeS+Cp+lJtNGRX5Q9s5zYfqhVo+7hgR0KVioTeCQI', '', '2026-11-20 20:32:23.58061+00');
INSERT INTO public.alembic_version VALUES ('0004');
INSERT INTO public.known_browsers VALUES ('\x918b65a973d4abcf0916c230bb000df5797c01e060de736bc42cedfd519b4dc6', 'shopper-01', '2026-11-20 20:32:23.536297+00');
INSERT INTO public.known_browsers VALUES ('\x9531f316bc2ce19cf92f47c4804b17841ee77fcbef024ca7d9e283335fe849f7', 'shopper-03', '2026-11-20 20:32:23.561044+00');
INSERT INTO public.known_browsers VALUES ('\xc24917e5a47f52026db8564e11f0db8c56c6eedaa8602437f38dc123e6f2023e', 'shopper-02', '2026-11-20 20:32:23.586854+00');
INSERT INTO public.sessions VALUES ('\xe9abe4b9be047955a73c01735eb1e81056c3bfa0c247f09eeff7d838546b9dff', '01a1faa9-05e7-70d6-8cc9-633147105265', '2026-11-20 20:32:23.555663+00', '2026-11-21 08:32:23.555663+00');
INSERT INTO public.sessions VALUES ('\xc9a5493d59253eadd4cb373d8bbf092cc93c744efa58ba1d05deaeb92144a321', '01a1faa9-0600-759b-b4ff-10170d6bd326', '2026-11-20 20:32:23.574617+00', '2026-11-21 08:32:23.574617+00');
INSERT INTO public.sessions VALUES ('\xc820e3df14cb59c379da8b8222de079475ec78e6b4f0022696dab437ab8a17bc', '01a1faa9-061c-76ed-baf2-92672bab126c', '2026-11-20 20:32:23.59187+00', '2026-11-21 08:32:23.59187+00');
INSERT INTO public.token_families VALUES ('01a1faa9-0612-778a-9644-6fb9777cddbc', 'controller', '01a1faa9-05e7-70d6-8cc9-633147105265', 'openid profile email offline_access', '2026-11-20 20:32:23.555832+00', '2026-11-20 20:32:23.56518+00', '2026-12-20 20:32:23.56518+00', NULL, NULL, '', '\xe9abe4b9be047955a73c01735eb1e81056c3bfa0c247f09eeff7d838546b9dff');
INSERT INTO public.token_families VALUES ('01a1faa9-0624-7693-b534-337bde9aa0c2', 'controller', '01a1faa9-0600-759b-b4ff-10170d6bd326', 'openid profile email offline_access', '2026-11-20 20:32:23.57472+00', '2026-11-20 20:32:23.585624+00', '2026-12-20 20:32:23.585624+00', NULL, NULL, '', '\xc9a5493d59253eadd4cb373d8bbf092cc93c744efa58ba1d05deaeb92144a321');
INSERT INTO public.token_families VALUES ('01a1faa9-0631-731c-805c-013830dcc6ff', 'controller', '01a1faa9-061c-76ed-baf2-92672bab126c', 'openid profile email offline_access', '2026-11-20 20:32:23.591946+00', '2026-11-20 20:32:23.598553+00', '2026-12-20 20:32:23.598553+00', NULL, NULL, '', '\xc820e3df14cb59c379da8b8222de079475ec78e6b4f0022696dab437ab8a17bc');
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
INSERT INTO public.charges VALUES ('ch_01a1faa9070b72e994703feaeeb7baca', 'pi_01a1faa906e37550b91b65e5e5ab6bec', 'pm_01a1faa907077172920414a9aae36e2c', 99900, 'inr', true, NULL, NULL, NULL, '2026-11-20 20:32:23.819379+00', 0, 0);
INSERT INTO public.charges VALUES ('ch_01a1faa9077570adba899ed049fd2e65', 'pi_01a1faa9076470c48a42cee8a796c443', 'pm_01a1faa9077376139b0f9741c69e516f', 211300, 'inr', true, NULL, NULL, NULL, '2026-11-20 20:32:23.92557+00', 0, 0);
INSERT INTO public.charges VALUES ('ch_01a1faa9077c7554a4941b75198242a2', 'pi_01a1faa9076a70cfbc8bedaee1c80e5c', 'pm_01a1faa9077a77c298bfbeacc4fba8fd', 115500, 'inr', true, NULL, NULL, NULL, '2026-11-20 20:32:23.932699+00', 0, 0);
INSERT INTO public.events VALUES ('evt_01a1faa906e77793918734c2d06c549f', 'payment_intent.created', '2026-07-29.dahlia', '{"id": "pi_01a1faa906e37550b91b65e5e5ab6bec", "amount": 99900, "object": "payment_intent", "review": null, "source": null, "status": "requires_payment_method", "created": 1795206743, "currency": "inr", "customer": null, "livemode": false, "metadata": {"checkout_id": "11d2763f-f671-8035-85df-725527789d20"}, "shipping": null, "processing": null, "application": null, "canceled_at": null, "description": null, "next_action": null, "on_behalf_of": null, "client_secret": null, "latest_charge": null, "receipt_email": null, "transfer_data": null, "amount_details": {"tip": {}}, "capture_method": "automatic", "payment_method": null, "transfer_group": null, "amount_received": 0, "amount_capturable": 0, "last_payment_error": null, "setup_future_usage": null, "cancellation_reason": null, "confirmation_method": "automatic", "payment_method_types": ["card"], "statement_descriptor": null, "application_fee_amount": null, "payment_method_options": {}, "automatic_payment_methods": null, "statement_descriptor_suffix": null, "allowed_payment_method_types": null, "payment_method_configuration_details": null}', '11d2763f-f671-8035-85df-725527789d20:create', '2026-11-20 20:32:23.78374+00');
INSERT INTO public.events VALUES ('evt_01a1faa906fc745fbb553b853915cd3c', 'payment_intent.created', '2026-07-29.dahlia', '{"id": "pi_01a1faa906fa704bb5b2a9eda8b60959", "amount": 211300, "object": "payment_intent", "review": null, "source": null, "status": "requires_payment_method", "created": 1795206743, "currency": "inr", "customer": null, "livemode": false, "metadata": {"checkout_id": "61ccd07c-4d2c-8d01-bccb-53f7ea8ed2bc"}, "shipping": null, "processing": null, "application": null, "canceled_at": null, "description": null, "next_action": null, "on_behalf_of": null, "client_secret": null, "latest_charge": null, "receipt_email": null, "transfer_data": null, "amount_details": {"tip": {}}, "capture_method": "automatic", "payment_method": null, "transfer_group": null, "amount_received": 0, "amount_capturable": 0, "last_payment_error": null, "setup_future_usage": null, "cancellation_reason": null, "confirmation_method": "automatic", "payment_method_types": ["card"], "statement_descriptor": null, "application_fee_amount": null, "payment_method_options": {}, "automatic_payment_methods": null, "statement_descriptor_suffix": null, "allowed_payment_method_types": null, "payment_method_configuration_details": null}', '61ccd07c-4d2c-8d01-bccb-53f7ea8ed2bc:create', '2026-11-20 20:32:23.804467+00');
INSERT INTO public.events VALUES ('evt_01a1faa9070d757bb8a6ee47a0ed48de', 'payment_intent.payment_failed', '2026-07-29.dahlia', '{"id": "pi_01a1faa906fa704bb5b2a9eda8b60959", "amount": 211300, "object": "payment_intent", "review": null, "source": null, "status": "requires_payment_method", "created": 1795206743, "currency": "inr", "customer": null, "livemode": false, "metadata": {"checkout_id": "61ccd07c-4d2c-8d01-bccb-53f7ea8ed2bc"}, "shipping": null, "processing": null, "application": null, "canceled_at": null, "description": null, "next_action": null, "on_behalf_of": null, "client_secret": null, "latest_charge": null, "receipt_email": null, "transfer_data": null, "amount_details": {"tip": {}}, "capture_method": "automatic", "payment_method": null, "transfer_group": null, "amount_received": 0, "amount_capturable": 0, "last_payment_error": {"code": "authentication_required", "type": "card_error", "charge": null, "message": "The card''s issuer asks for authentication, which this payment does not offer.", "decline_code": "authentication_required", "payment_method": {"id": "pm_01a1faa9070a77c0a26ff35d7b2f4107", "card": {"brand": "visa", "last4": "3155", "checks": {"cvc_check": null, "address_line1_check": null, "address_postal_code_check": null}, "wallet": null, "country": "US", "funding": "credit", "exp_year": 2029, "exp_month": 12, "fingerprint": "b44bc66761585d3d4627a3bd", "three_d_secure_usage": {"supported": true}}, "type": "card", "object": "payment_method", "created": 1795206743, "customer": null, "livemode": false, "metadata": {}, "allow_redisplay": "unspecified", "billing_details": {"name": null, "email": null, "phone": null, "address": {"city": null, "line1": null, "line2": null, "state": null, "country": null, "postal_code": null}}}}, "setup_future_usage": null, "cancellation_reason": null, "confirmation_method": "automatic", "payment_method_types": ["card"], "statement_descriptor": null, "application_fee_amount": null, "payment_method_options": {}, "automatic_payment_methods": null, "statement_descriptor_suffix": null, "allowed_payment_method_types": null, "payment_method_configuration_details": null}', '61ccd07c-4d2c-8d01-bccb-53f7ea8ed2bc:confirm', '2026-11-20 20:32:23.821617+00');
INSERT INTO public.events VALUES ('evt_01a1faa9071077c3897a68687831f95c', 'payment_intent.succeeded', '2026-07-29.dahlia', '{"id": "pi_01a1faa906e37550b91b65e5e5ab6bec", "amount": 99900, "object": "payment_intent", "review": null, "source": null, "status": "succeeded", "created": 1795206743, "currency": "inr", "customer": null, "livemode": false, "metadata": {"checkout_id": "11d2763f-f671-8035-85df-725527789d20"}, "shipping": null, "processing": null, "application": null, "canceled_at": null, "description": null, "next_action": null, "on_behalf_of": null, "client_secret": null, "latest_charge": "ch_01a1faa9070b72e994703feaeeb7baca", "receipt_email": null, "transfer_data": null, "amount_details": {"tip": {}}, "capture_method": "automatic", "payment_method": "pm_01a1faa907077172920414a9aae36e2c", "transfer_group": null, "amount_received": 99900, "amount_capturable": 0, "last_payment_error": null, "setup_future_usage": null, "cancellation_reason": null, "confirmation_method": "automatic", "payment_method_types": ["card"], "statement_descriptor": null, "application_fee_amount": null, "payment_method_options": {}, "automatic_payment_methods": null, "statement_descriptor_suffix": null, "allowed_payment_method_types": null, "payment_method_configuration_details": null}', '11d2763f-f671-8035-85df-725527789d20:confirm', '2026-11-20 20:32:23.824847+00');
INSERT INTO public.events VALUES ('evt_01a1faa9071e74fd9f652576c1ca004e', 'payment_intent.canceled', '2026-07-29.dahlia', '{"id": "pi_01a1faa906fa704bb5b2a9eda8b60959", "amount": 211300, "object": "payment_intent", "review": null, "source": null, "status": "canceled", "created": 1795206743, "currency": "inr", "customer": null, "livemode": false, "metadata": {"checkout_id": "61ccd07c-4d2c-8d01-bccb-53f7ea8ed2bc"}, "shipping": null, "processing": null, "application": null, "canceled_at": 1795206743, "description": null, "next_action": null, "on_behalf_of": null, "client_secret": null, "latest_charge": null, "receipt_email": null, "transfer_data": null, "amount_details": {"tip": {}}, "capture_method": "automatic", "payment_method": null, "transfer_group": null, "amount_received": 0, "amount_capturable": 0, "last_payment_error": {"code": "authentication_required", "type": "card_error", "charge": null, "message": "The card''s issuer asks for authentication, which this payment does not offer.", "decline_code": "authentication_required", "payment_method": {"id": "pm_01a1faa9070a77c0a26ff35d7b2f4107", "card": {"brand": "visa", "last4": "3155", "checks": {"cvc_check": null, "address_line1_check": null, "address_postal_code_check": null}, "wallet": null, "country": "US", "funding": "credit", "exp_year": 2029, "exp_month": 12, "fingerprint": "b44bc66761585d3d4627a3bd", "three_d_secure_usage": {"supported": true}}, "type": "card", "object": "payment_method", "created": 1795206743, "customer": null, "livemode": false, "metadata": {}, "allow_redisplay": "unspecified", "billing_details": {"name": null, "email": null, "phone": null, "address": {"city": null, "line1": null, "line2": null, "state": null, "country": null, "postal_code": null}}}}, "setup_future_usage": null, "cancellation_reason": null, "confirmation_method": "automatic", "payment_method_types": ["card"], "statement_descriptor": null, "application_fee_amount": null, "payment_method_options": {}, "automatic_payment_methods": null, "statement_descriptor_suffix": null, "allowed_payment_method_types": null, "payment_method_configuration_details": null}', NULL, '2026-11-20 20:32:23.838833+00');
INSERT INTO public.events VALUES ('evt_01a1faa9076675149746e926b92caf39', 'payment_intent.created', '2026-07-29.dahlia', '{"id": "pi_01a1faa9076470c48a42cee8a796c443", "amount": 211300, "object": "payment_intent", "review": null, "source": null, "status": "requires_payment_method", "created": 1795206743, "currency": "inr", "customer": null, "livemode": false, "metadata": {"checkout_id": "8073aa8a-df19-86e8-a8fa-dc53f6cbf468"}, "shipping": null, "processing": null, "application": null, "canceled_at": null, "description": null, "next_action": null, "on_behalf_of": null, "client_secret": null, "latest_charge": null, "receipt_email": null, "transfer_data": null, "amount_details": {"tip": {}}, "capture_method": "automatic", "payment_method": null, "transfer_group": null, "amount_received": 0, "amount_capturable": 0, "last_payment_error": null, "setup_future_usage": null, "cancellation_reason": null, "confirmation_method": "automatic", "payment_method_types": ["card"], "statement_descriptor": null, "application_fee_amount": null, "payment_method_options": {}, "automatic_payment_methods": null, "statement_descriptor_suffix": null, "allowed_payment_method_types": null, "payment_method_configuration_details": null}', '8073aa8a-df19-86e8-a8fa-dc53f6cbf468:create', '2026-11-20 20:32:23.910256+00');
INSERT INTO public.events VALUES ('evt_01a1faa9076b730b8eca99d6bc0f18ea', 'payment_intent.created', '2026-07-29.dahlia', '{"id": "pi_01a1faa9076a70cfbc8bedaee1c80e5c", "amount": 115500, "object": "payment_intent", "review": null, "source": null, "status": "requires_payment_method", "created": 1795206743, "currency": "inr", "customer": null, "livemode": false, "metadata": {"checkout_id": "b67b8611-94e3-897a-8a27-5e4b7f3059c9"}, "shipping": null, "processing": null, "application": null, "canceled_at": null, "description": null, "next_action": null, "on_behalf_of": null, "client_secret": null, "latest_charge": null, "receipt_email": null, "transfer_data": null, "amount_details": {"tip": {}}, "capture_method": "automatic", "payment_method": null, "transfer_group": null, "amount_received": 0, "amount_capturable": 0, "last_payment_error": null, "setup_future_usage": null, "cancellation_reason": null, "confirmation_method": "automatic", "payment_method_types": ["card"], "statement_descriptor": null, "application_fee_amount": null, "payment_method_options": {}, "automatic_payment_methods": null, "statement_descriptor_suffix": null, "allowed_payment_method_types": null, "payment_method_configuration_details": null}', 'b67b8611-94e3-897a-8a27-5e4b7f3059c9:create', '2026-11-20 20:32:23.915192+00');
INSERT INTO public.events VALUES ('evt_01a1faa9077f747bb909643d6c111804', 'payment_intent.succeeded', '2026-07-29.dahlia', '{"id": "pi_01a1faa9076a70cfbc8bedaee1c80e5c", "amount": 115500, "object": "payment_intent", "review": null, "source": null, "status": "succeeded", "created": 1795206743, "currency": "inr", "customer": null, "livemode": false, "metadata": {"checkout_id": "b67b8611-94e3-897a-8a27-5e4b7f3059c9"}, "shipping": null, "processing": null, "application": null, "canceled_at": null, "description": null, "next_action": null, "on_behalf_of": null, "client_secret": null, "latest_charge": "ch_01a1faa9077c7554a4941b75198242a2", "receipt_email": null, "transfer_data": null, "amount_details": {"tip": {}}, "capture_method": "automatic", "payment_method": "pm_01a1faa9077a77c298bfbeacc4fba8fd", "transfer_group": null, "amount_received": 115500, "amount_capturable": 0, "last_payment_error": null, "setup_future_usage": null, "cancellation_reason": null, "confirmation_method": "automatic", "payment_method_types": ["card"], "statement_descriptor": null, "application_fee_amount": null, "payment_method_options": {}, "automatic_payment_methods": null, "statement_descriptor_suffix": null, "allowed_payment_method_types": null, "payment_method_configuration_details": null}', 'b67b8611-94e3-897a-8a27-5e4b7f3059c9:confirm', '2026-11-20 20:32:23.935265+00');
INSERT INTO public.events VALUES ('evt_01a1faa9077876e59172da32c19a3507', 'payment_intent.succeeded', '2026-07-29.dahlia', '{"id": "pi_01a1faa9076470c48a42cee8a796c443", "amount": 211300, "object": "payment_intent", "review": null, "source": null, "status": "succeeded", "created": 1795206743, "currency": "inr", "customer": null, "livemode": false, "metadata": {"checkout_id": "8073aa8a-df19-86e8-a8fa-dc53f6cbf468"}, "shipping": null, "processing": null, "application": null, "canceled_at": null, "description": null, "next_action": null, "on_behalf_of": null, "client_secret": null, "latest_charge": "ch_01a1faa9077570adba899ed049fd2e65", "receipt_email": null, "transfer_data": null, "amount_details": {"tip": {}}, "capture_method": "automatic", "payment_method": "pm_01a1faa9077376139b0f9741c69e516f", "transfer_group": null, "amount_received": 211300, "amount_capturable": 0, "last_payment_error": null, "setup_future_usage": null, "cancellation_reason": null, "confirmation_method": "automatic", "payment_method_types": ["card"], "statement_descriptor": null, "application_fee_amount": null, "payment_method_options": {}, "automatic_payment_methods": null, "statement_descriptor_suffix": null, "allowed_payment_method_types": null, "payment_method_configuration_details": null}', '8073aa8a-df19-86e8-a8fa-dc53f6cbf468:confirm', '2026-11-20 20:32:23.928928+00');
INSERT INTO public.payment_intents VALUES ('pi_01a1faa906e37550b91b65e5e5ab6bec', 99900, 99900, 'inr', 'succeeded', 'pm_01a1faa907077172920414a9aae36e2c', '["card"]', NULL, NULL, 'ch_01a1faa9070b72e994703feaeeb7baca', NULL, NULL, NULL, '{"checkout_id": "11d2763f-f671-8035-85df-725527789d20"}', NULL, NULL, '2026-11-20 20:32:23.779652+00', 'automatic', NULL, NULL);
INSERT INTO public.payment_intents VALUES ('pi_01a1faa906fa704bb5b2a9eda8b60959', 211300, 0, 'inr', 'canceled', NULL, '["card"]', NULL, NULL, NULL, '{"code": "authentication_required", "charge": null, "message": "The card''s issuer asks for authentication, which this payment does not offer.", "decline_code": "authentication_required", "payment_method": "pm_01a1faa9070a77c0a26ff35d7b2f4107"}', NULL, NULL, '{"checkout_id": "61ccd07c-4d2c-8d01-bccb-53f7ea8ed2bc"}', NULL, '2026-11-20 20:32:23.835651+00', '2026-11-20 20:32:23.802023+00', 'automatic', NULL, NULL);
INSERT INTO public.payment_intents VALUES ('pi_01a1faa9076470c48a42cee8a796c443', 211300, 211300, 'inr', 'succeeded', 'pm_01a1faa9077376139b0f9741c69e516f', '["card"]', NULL, NULL, 'ch_01a1faa9077570adba899ed049fd2e65', NULL, NULL, NULL, '{"checkout_id": "8073aa8a-df19-86e8-a8fa-dc53f6cbf468"}', NULL, NULL, '2026-11-20 20:32:23.908842+00', 'automatic', NULL, NULL);
INSERT INTO public.payment_intents VALUES ('pi_01a1faa9076a70cfbc8bedaee1c80e5c', 115500, 115500, 'inr', 'succeeded', 'pm_01a1faa9077a77c298bfbeacc4fba8fd', '["card"]', NULL, NULL, 'ch_01a1faa9077c7554a4941b75198242a2', NULL, NULL, NULL, '{"checkout_id": "b67b8611-94e3-897a-8a27-5e4b7f3059c9"}', NULL, NULL, '2026-11-20 20:32:23.914348+00', 'automatic', NULL, NULL);
INSERT INTO public.payment_methods VALUES ('pm_01a1faa907077172920414a9aae36e2c', 'visa', '4242', 12, 2029, 'credit', 'US', 'approved', 'e3b4c1921d2a7f0497bd88ab', '{"name": null, "email": null, "phone": null, "address": {"city": null, "line1": null, "line2": null, "state": null, "country": null, "postal_code": null}}', '{}', '2026-11-20 20:32:23.815653+00');
INSERT INTO public.payment_methods VALUES ('pm_01a1faa9070a77c0a26ff35d7b2f4107', 'visa', '3155', 12, 2029, 'credit', 'US', 'authentication_required', 'b44bc66761585d3d4627a3bd', '{"name": null, "email": null, "phone": null, "address": {"city": null, "line1": null, "line2": null, "state": null, "country": null, "postal_code": null}}', '{}', '2026-11-20 20:32:23.81858+00');
INSERT INTO public.payment_methods VALUES ('pm_01a1faa9077376139b0f9741c69e516f', 'visa', '4242', 12, 2029, 'credit', 'US', 'approved', 'e3b4c1921d2a7f0497bd88ab', '{"name": null, "email": null, "phone": null, "address": {"city": null, "line1": null, "line2": null, "state": null, "country": null, "postal_code": null}}', '{}', '2026-11-20 20:32:23.923812+00');
INSERT INTO public.payment_methods VALUES ('pm_01a1faa9077a77c298bfbeacc4fba8fd', 'visa', '4242', 12, 2029, 'credit', 'US', 'approved', 'e3b4c1921d2a7f0497bd88ab', '{"name": null, "email": null, "phone": null, "address": {"city": null, "line1": null, "line2": null, "state": null, "country": null, "postal_code": null}}', '{}', '2026-11-20 20:32:23.93044+00');
INSERT INTO public.webhook_deliveries VALUES ('evt_01a1faa906e77793918734c2d06c549f', 'we_configured', 1, '2026-11-20 20:32:43.794636+00', '2026-11-20 20:32:23.77162+00', '2026-11-20 20:32:23.808029+00', NULL);
INSERT INTO public.webhook_deliveries VALUES ('evt_01a1faa906fc745fbb553b853915cd3c', 'we_configured', 1, '2026-11-20 20:32:43.810646+00', '2026-11-20 20:32:23.797129+00', '2026-11-20 20:32:23.818395+00', NULL);
INSERT INTO public.webhook_deliveries VALUES ('evt_01a1faa9070d757bb8a6ee47a0ed48de', 'we_configured', 1, '2026-11-20 20:32:43.825865+00', '2026-11-20 20:32:23.814209+00', '2026-11-20 20:32:23.839978+00', NULL);
INSERT INTO public.webhook_deliveries VALUES ('evt_01a1faa9071e74fd9f652576c1ca004e', 'we_configured', 1, '2026-11-20 20:32:43.845229+00', '2026-11-20 20:32:23.833626+00', '2026-11-20 20:32:23.860512+00', NULL);
INSERT INTO public.webhook_deliveries VALUES ('evt_01a1faa9071077c3897a68687831f95c', 'we_configured', 1, '2026-11-20 20:32:43.845194+00', '2026-11-20 20:32:23.807013+00', '2026-11-20 20:32:23.87001+00', NULL);
INSERT INTO public.webhook_deliveries VALUES ('evt_01a1faa9076675149746e926b92caf39', 'we_configured', 1, '2026-11-20 20:32:43.919938+00', '2026-11-20 20:32:23.907621+00', '2026-11-20 20:32:23.926656+00', NULL);
INSERT INTO public.webhook_deliveries VALUES ('evt_01a1faa9076b730b8eca99d6bc0f18ea', 'we_configured', 1, '2026-11-20 20:32:43.919974+00', '2026-11-20 20:32:23.913459+00', '2026-11-20 20:32:23.928201+00', NULL);
INSERT INTO public.webhook_deliveries VALUES ('evt_01a1faa9077f747bb909643d6c111804', 'we_configured', 1, '2026-11-20 20:32:43.939927+00', '2026-11-20 20:32:23.926487+00', '2026-11-20 20:32:23.969196+00', NULL);
INSERT INTO public.webhook_deliveries VALUES ('evt_01a1faa9077876e59172da32c19a3507', 'we_configured', 1, '2026-11-20 20:32:43.9399+00', '2026-11-20 20:32:23.920826+00', '2026-11-20 20:32:23.96971+00', NULL);
INSERT INTO public.webhook_endpoints VALUES ('we_configured', 'http://127.0.0.1:19420/webhooks/payments', 'taken out', '{*}', true, NULL, '{}', '2026-11-20 20:32:22.718153+00');
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
