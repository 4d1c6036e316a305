// Single-file components for tools that cannot read them; vue-tsc checks their real types.
declare module '*.vue' {
  import type { DefineComponent } from 'vue'

  const component: DefineComponent<object, object, unknown>
  export default component
}

// The package has no types of its own.
declare module 'swagger-ui-dist/swagger-ui-es-bundle.js' {
  interface SwaggerRequest {
    method?: string
    loadSpec?: boolean
    headers: Record<string, string>
  }

  interface SwaggerOptions {
    dom_id: string
    url: string
    validatorUrl: string | null
    deepLinking: boolean
    docExpansion: 'list' | 'full' | 'none'
    filter: boolean
    tryItOutEnabled: boolean
    requestInterceptor: (request: SwaggerRequest) => SwaggerRequest | Promise<SwaggerRequest>
  }

  export default function SwaggerUI(options: SwaggerOptions): void
}
