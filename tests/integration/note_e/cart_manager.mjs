// The example client of origin note e, word for word: it must run unchanged (see test_note_e.py).
class CartManager {
    constructor(authToken) {
        this.token = authToken;
        this.cart = null;
        this.lastFetch = null;
        this.cacheDuration = 30000; // 30 seconds
    }
    
    async getCart(forceRefresh = false) {
        const now = new Date().getTime();
        
        // Use cache if recent and not forcing refresh
        if (!forceRefresh && this.cart && this.lastFetch && 
            (now - this.lastFetch) < this.cacheDuration) {
            return this.cart;
        }
        
        const response = await fetch('/api/cart/', {
            headers: { 'Authorization': `Bearer ${this.token}` }
        });
        
        if (!response.ok) {
            throw new Error('Failed to fetch cart');
        }
        
        this.cart = await response.json();
        this.lastFetch = now;
        
        return this.cart;
    }
    
    async addItem(productId, variantId, quantity = 1) {
        const response = await fetch('/api/cart/add/', {
            method: 'POST',
            headers: {
                'Authorization': `Bearer ${this.token}`,
                'Content-Type': 'application/json'
            },
            body: JSON.stringify({
                product_id: productId,
                variant_id: variantId,
                quantity: quantity
            })
        });
        
        if (!response.ok) {
            const error = await response.json();
            throw new Error(error.message || 'Failed to add item');
        }
        
        // Refresh cart after adding item
        await this.getCart(true);
        return await response.json();
    }
    
    async checkout(shippingAddress, billingAddress) {
        // Always get fresh cart data
        const cart = await this.getCart(true);
        
        if (!cart.items || cart.items.length === 0) {
            throw new Error('Cart is empty. Please add items before checkout.');
        }
        
        const paymentData = {
            payment_method: 'razorpay',
            shipping_address: shippingAddress,
            billing_address: billingAddress,
            currency: 'INR'
        };
        
        const response = await fetch('/api/payments/create-from-cart/', {
            method: 'POST',
            headers: {
                'Authorization': `Bearer ${this.token}`,
                'Content-Type': 'application/json'
            },
            body: JSON.stringify(paymentData)
        });
        
        if (!response.ok) {
            const error = await response.json();
            throw new Error(error.error || 'Checkout failed');
        }
        
        return await response.json();
    }
}

// Not the note's: a module has to say what it gives.
export { CartManager };
